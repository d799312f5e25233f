import { isRecord } from "../../../platform/objects.js";
import type { ConfigError } from "../../../config/config-error.js";
import type { DecoderOptions, UnetOptions } from "../options.js";
import { unetParts } from "../dialect/component.js";
import type { NetworkDialect } from "../dialect/flags.js";
import { inferUnet } from "./infer-unet.js";
import {
  asConfig,
  complete,
  misfitOf,
  missingOptions,
  present,
  isFullConfig,
  type Inferred,
  type OpenOption,
} from "./infer-options.js";
import type { Header } from "../../../weights/formats/tensor-scope.js";

/** What a decoder's shapes tell about its config. */
export interface InferredDecoder {
  /**
   * By place in the cascade; undefined for U-Nets that the checkpoint lacks, such as in an upsampler that was trained
   * separately.
   */
  readonly unets: readonly (Inferred<UnetOptions> | undefined)[];
  /** Options of the decoder itself, with the names of its config. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Paths are relative to `decoder`. */
  readonly open: readonly OpenOption[];
}

/**
 * Options of a decoder and its U-Nets that shapes determine, and those that they do not. `given` is its train config; its
 * `channels` are used if shapes leave them open.
 */
export function inferDecoder(header: Header, network: NetworkDialect, given?: unknown): InferredDecoder {
  const said = channelsOf(given);
  const unets: (Inferred<UnetOptions> | undefined)[] = [];
  for (const part of unetParts(header)) unets[part.index ?? 0] = inferUnet(part, network, said);
  if (unets[0]) unets[0] = withImageCondition(unets[0], network);
  const places = Array.from(unets, (unet, i) => ({ unet, i }));
  const betas = [...header].find(([name]) => /^(?:noise_schedulers\.\d+\.)?betas$/.test(name))?.[1].shape;
  const channels = places.map(({ unet }) => unet?.facts.channels?.value).find((value) => value !== undefined);
  const [first] = unets;
  return {
    unets: places.map(({ unet }) => unet),
    config: {
      channels,
      timesteps: betas?.[0],
      learned_variance: places.map(({ unet }) => unet?.facts.channelsOut?.value === 2 * (channels ?? 0)),
      use_noise_for_lowres_cond: places.map(({ unet }) => unet?.facts.lowresNoiseCond?.value ?? false),
      ...(first && { unconditional: !first.facts.condOnImageEmbeds?.value }),
    },
    open: [
      { path: "image_sizes" },
      ...(betas ? [] : [{ path: "timesteps", fallback: 1000 }, { path: "beta_schedule" }]),
      { path: "predict_x_start", fallback: false },
      { path: "predict_v", fallback: false },
      { path: "learned_variance_constrain_frac", fallback: false },
      ...places.flatMap(({ unet, i }) =>
        (unet?.open ?? []).map((one) => ({ ...one, path: `unets[${i}].${one.path}` })),
      ),
    ],
  };
}

function channelsOf(given: unknown): number | undefined {
  const decoder = isRecord(given) ? given.decoder : undefined;
  const channels = isRecord(decoder) ? decoder.channels : undefined;
  return typeof channels === "number" ? channels : undefined;
}

/**
 * The first U-Net of a decoder with text also has image embeddings. If neither of their layers exists, they are as wide as
 * its tokens and are not added to the time.
 */
function withImageCondition(first: Inferred<UnetOptions>, { imageHiddens }: NetworkDialect): Inferred<UnetOptions> {
  const { condOnImageEmbeds, condOnTextEncodings, condDim } = first.facts;
  if (condOnImageEmbeds || !condOnTextEncodings?.value) return first;
  const from = `${condOnTextEncodings.from} beside the absence of image_to_tokens`;
  const facts = present<UnetOptions>({
    ...first.facts,
    condOnImageEmbeds: { value: true, from },
    imageEmbedDim: condDim && { value: condDim.value, from },
    addImageEmbedsToTime: imageHiddens === "none" ? undefined : { value: false, from },
  });
  return { ...first, facts };
}

/**
 * Completes a decoder's train config, and lists options that are still missing and have no default. A full train config,
 * which always has `dim` for each U-Net, omits options that have the reference's defaults; options missing in a partial
 * config are taken from shapes. A U-Net that neither the checkpoint nor the config has is replaced by another, since it is
 * never built.
 */
export function completeDecoderConfig(
  given: unknown,
  inferred: InferredDecoder,
): { readonly config: { readonly decoder: Readonly<Record<string, unknown>> }; readonly missing: readonly string[] } {
  const decoder = isRecord(given) ? given.decoder : undefined;
  const givenUnets: unknown = isRecord(decoder) ? decoder.unets : undefined;
  const listed: readonly unknown[] = Array.isArray(givenUnets) ? givenUnets : [];
  if (isRecord(decoder) && listed.length > 0 && listed.every(isFullConfig)) return { config: { decoder }, missing: [] };
  const known = inferred.unets.map((unet) => unet && asConfig(unet.facts));
  const any = known.find((unet) => unet !== undefined) ?? {};
  const count = Math.max(listed.length, known.length);
  const unets = Array.from({ length: count }, (_, i) =>
    complete(listed[i], known[i] ?? (listed[i] === undefined ? any : {})),
  );
  const missing = missingOptions(inferred.open, decoder).filter(
    (path) => path !== "image_sizes" || !hasImageSize(decoder),
  );
  return {
    config: { ...(isRecord(given) ? given : {}), decoder: { ...complete(decoder, inferred.config), unets } },
    missing: missing.map((path) => `decoder.${path}`),
  };
}

function hasImageSize(decoder: unknown): boolean {
  return isRecord(decoder) && decoder.image_size != null;
}

/** One error that lists where a decoder's options contradict the shapes in the checkpoint `name`; undefined if nowhere. */
export function decoderMisfit(
  name: string,
  options: Pick<DecoderOptions, "stages">,
  inferred: InferredDecoder,
): ConfigError | undefined {
  const parts = options.stages.flatMap(({ unet }, i) => {
    const facts = inferred.unets[i]?.facts;
    if (!facts) return [];
    // If the config leaves it to the version, it contradicts nothing.
    const initDim = unet.initDim === null ? undefined : facts.initDim;
    return [{ path: `decoder.unets[${i}]`, options: unet, facts: present<UnetOptions>({ ...facts, initDim }) }];
  });
  return misfitOf(name, parts);
}
