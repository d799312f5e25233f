import { isRecord } from "../../../platform/objects.js";
import type { ConfigError } from "../../../config/config-error.js";
import type { PriorNetOptions, PriorOptions } from "../options.js";
import { priorNetworkPart } from "../dialect/component.js";
import type { NetworkDialect } from "../dialect/flags.js";
import {
  asConfig,
  complete,
  fact,
  misfitOf,
  missingOptions,
  present,
  isFullConfig,
  type Facts,
  type Inferred,
  type OpenOption,
} from "./infer-options.js";
import { TensorScope, type Header } from "../../../weights/formats/tensor-scope.js";

/** What a prior's shapes tell about its config. */
export interface InferredPrior {
  readonly net: Inferred<PriorNetOptions>;
  /** Options of the prior itself, with the names of its config. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Paths are relative to `prior`. */
  readonly open: readonly OpenOption[];
}

/** Options of a prior that shapes determine (REFERENCE.md §11), and those that they do not. */
export function inferPrior(header: Header, network: NetworkDialect): InferredPrior {
  const tensors = priorNetworkPart(header) ?? new TensorScope(header);
  const facts = networkFacts(tensors);
  const betas = (header.get("noise_scheduler.betas") ?? header.get("betas"))?.shape;
  const net: Inferred<PriorNetOptions> = {
    facts,
    open: network.priorSelfCond === "off" ? [] : [{ path: "self_cond", fallback: false }],
  };
  return {
    net,
    config: { image_embed_dim: facts.dim?.value, timesteps: betas?.[0] },
    open: [
      ...(betas
        ? []
        : [
            { path: "timesteps", fallback: 1000 },
            { path: "beta_schedule", fallback: "cosine" },
          ]),
      { path: "predict_x_start", fallback: true },
      { path: "predict_v", fallback: false },
      { path: "condition_on_text_encodings", fallback: true },
      { path: "cond_drop_prob", fallback: 0 },
      { path: "image_embed_scale", fallback: Math.sqrt(facts.dim?.value ?? 0) },
      { path: "sampling_clamp_l2norm", fallback: false },
      { path: "sampling_final_clamp_l2norm", fallback: false },
      { path: "init_image_embed_l2norm", fallback: false },
      ...net.open.map((one) => ({ ...one, path: `net.${one.path}` })),
    ],
  };
}

function networkFacts(tensors: TensorScope): Facts<PriorNetOptions> {
  const dim = tensors.shape("learned_query")?.[0] ?? 0;
  const layer = "causal_transformer.layers.0";
  const dimHead = tensors.shape(`${layer}.0.null_kv`)?.[1] ?? 0;
  const nulls = ["null_text_encodings", "null_text_embed"].find((name) => tensors.has(name));
  return present<PriorNetOptions>({
    dim: fact(tensors, "learned_query", ([width]) => width!),
    depth: { value: tensors.length("causal_transformer.layers"), from: "the number of causal_transformer.layers" },
    maxTextLen: nulls === undefined ? undefined : fact(tensors, nulls, ([, length]) => length!),
    ...timeFacts(tensors, dim),
    numImageEmbeds: embedCount(tensors, "to_image_embeds", dim),
    numTextEmbeds: embedCount(tensors, "to_text_embeds", dim),
    dimHead: fact(tensors, `${layer}.0.null_kv`, ([, width]) => width!),
    heads: fact(tensors, `${layer}.0.to_q.weight`, ([rows]) => rows! / dimHead),
    ffMult: fact(tensors, `${layer}.1.1.weight`, ([rows]) => rows! / (2 * dim)),
    normIn: exists(tensors, "causal_transformer.init_norm"),
    normOut: exists(tensors, "causal_transformer.norm"),
    finalProj: exists(tensors, "causal_transformer.project_out"),
    normformer: exists(tensors, `${layer}.1.3`),
    rotaryEmb: exists(tensors, `${layer}.0.rotary_emb`),
  });
}

/** A table with an embedding for each timestep, or a continuous embedding: sinusoids and an MLP. */
function timeFacts(tensors: TensorScope, dim: number): Facts<PriorNetOptions> {
  const table = "to_time_embeds.0.weight";
  const steps = tensors.shape(table);
  if (steps)
    return { numTimesteps: { value: steps[0]!, from: table }, numTimeEmbeds: { value: steps[1]! / dim, from: table } };
  const last = "to_time_embeds.0.1.net.2.weight";
  return present<PriorNetOptions>({
    numTimesteps: fact(tensors, last, () => null),
    numTimeEmbeds: fact(tensors, last, ([rows]) => rows! / dim),
  });
}

/** A single embedding needs no layer. */
function embedCount(
  tensors: TensorScope,
  path: string,
  dim: number,
): { readonly value: number; readonly from: string } {
  const rows = tensors.shape(`${path}.0.weight`)?.[0];
  return rows === undefined
    ? { value: 1, from: `the absence of ${path}` }
    : { value: rows / dim, from: `${path}.0.weight` };
}

function exists(tensors: TensorScope, path: string): { readonly value: boolean; readonly from: string } {
  for (const name of tensors.names) if (name.startsWith(`${path}.`)) return { value: true, from: name };
  return { value: false, from: `the absence of ${path}` };
}

/**
 * Completes a prior's train config, and lists options that are still missing and have no default. A full train config omits
 * options that have the reference's defaults; options missing in a partial config are taken from shapes.
 */
export function completePriorConfig(
  given: unknown,
  inferred: InferredPrior,
): { readonly config: { readonly prior: Readonly<Record<string, unknown>> }; readonly missing: readonly string[] } {
  const prior = isRecord(given) ? given.prior : undefined;
  if (isRecord(prior) && isFullConfig(prior.net)) return { config: { prior }, missing: [] };
  const net = complete(isRecord(prior) ? prior.net : undefined, asConfig(inferred.net.facts));
  const missing = missingOptions(inferred.open, prior).map((path) => `prior.${path}`);
  return {
    config: { ...(isRecord(given) ? given : {}), prior: { ...complete(prior, inferred.config), net } },
    missing,
  };
}

/** One error that lists where a prior's options contradict the shapes in the checkpoint `name`; undefined if nowhere. */
export function priorMisfit(
  name: string,
  options: Pick<PriorOptions, "net">,
  inferred: InferredPrior,
): ConfigError | undefined {
  return misfitOf(name, [{ path: "prior.net", options: options.net, facts: inferred.net.facts }]);
}
