import type { Checkpoint } from "../../weights/checkpoint.js";
import { FormatError } from "../../weights/errors.js";
import type { ModelKind } from "../../weights/tree/model-names.js";
import { componentsOf } from "../diffusers/components.js";
import type { Claim, FamilyReport } from "../family.js";
import type { Opened, OpenedFolder } from "../opened.js";

/** The pipelines of diffusers that this family runs. */
const PIPELINES: readonly unknown[] = ["UnCLIPPipeline", "UnCLIPImageVariationPipeline"];

/** The classes of each component. */
const CLASSES: ReadonlyMap<string, readonly [string, ...string[]]> = new Map([
  ["prior", ["PriorTransformer"]],
  ["prior_scheduler", ["UnCLIPScheduler"]],
  ["text_encoder", ["CLIPTextModelWithProjection"]],
  ["tokenizer", ["CLIPTokenizer", "CLIPTokenizerFast"]],
  ["image_encoder", ["CLIPVisionModelWithProjection"]],
  ["feature_extractor", ["CLIPImageProcessor", "CLIPFeatureExtractor", "CLIPImageProcessorFast"]],
  ["text_proj", ["UnCLIPTextProjModel"]],
  ["decoder", ["UNet2DConditionModel"]],
  ["decoder_scheduler", ["UnCLIPScheduler"]],
  ["super_res_first", ["UNet2DModel"]],
  ["super_res_last", ["UNet2DModel"]],
  ["super_res_scheduler", ["UnCLIPScheduler"]],
]);

/** The components that each kind of model needs. */
const NEEDED: Readonly<Record<ModelKind, readonly string[]>> = {
  prior: ["prior", "prior_scheduler"],
  decoder: ["text_proj", "decoder", "decoder_scheduler", "super_res_first", "super_res_last", "super_res_scheduler"],
  clip: ["tokenizer", "text_encoder"],
};

/** Those that it reads as well if they are there. */
const OPTIONAL: Readonly<Partial<Record<ModelKind, readonly string[]>>> = {
  clip: ["image_encoder", "feature_extractor"],
};

const WORDS: Readonly<Record<ModelKind, string>> = { prior: "prior", decoder: "decoder", clip: "CLIP" };

/** What pipelines of other classes need that this family does not have. */
const MISSING: readonly (readonly [pipeline: RegExp, missing: string])[] = [
  [/^Kandinsky(?:V22)?Prior/, "the decoder of Kandinsky, which works in a latent space (MoVQ)"],
  [/^Kandinsky/, "a decoder in a latent space (MoVQ), its own conditions and other schedulers"],
  [/^StableUnCLIP/, "a decoder in a latent space (AutoencoderKL), transformer blocks and an image noiser"],
  [/^(?:StableDiffusion|LatentDiffusion)/, "a decoder in a latent space (AutoencoderKL) and transformer blocks"],
  [/^ShapE/, "a renderer of three-dimensional shapes"],
];

/**
 * The models in a folder of Karlo, or a network of it in a file. Throws `FormatError` for folders of other pipelines that are
 * near, and for components of other classes.
 */
export function claim(opened: Opened): Claim | undefined {
  return opened.kind === "file" ? claimFile(opened) : claimFolder(opened);
}

/** The models in a folder. Throws as `claim`. */
export function claimFolder(folder: OpenedFolder): Claim | undefined {
  const { _class_name: pipeline } = folder.index;
  if (!PIPELINES.includes(pipeline)) {
    refuseOthers(folder, String(pipeline));
    return undefined;
  }
  const found = componentsOf(folder);
  for (const [component, { name }] of found) {
    const classes = CLASSES.get(component);
    if (!classes || classes.includes(name)) continue;
    throw new FormatError(folder.name, `its component ${component} is a ${name}, which is not supported`, {
      advice: `in Karlo it is a ${classes[0]}`,
    });
  }
  const kinds = (["prior", "decoder", "clip"] as const).filter((kind) =>
    NEEDED[kind].every((component) => found.has(component)),
  );
  const read = (kind: ModelKind) => [...NEEDED[kind], ...(OPTIONAL[kind] ?? [])].filter((name) => found.has(name));
  return {
    component: "karlo",
    kind: kinds,
    components: Object.fromEntries(kinds.map((kind) => [kind, read(kind)])),
    words: kinds.length > 0 ? `Karlo's ${kinds.map((kind) => WORDS[kind]).join(", ")}` : lacking(found),
  };
}

function lacking(found: ReadonlyMap<string, unknown>): string {
  const missing = Object.values(NEEDED).map((needed) => needed.filter((component) => !found.has(component)));
  return `an incomplete Karlo, without ${[...new Set(missing.flat())].join(", ")}`;
}

function refuseOthers(folder: OpenedFolder, pipeline: string): void {
  const [, missing] = MISSING.find(([others]) => others.test(pipeline)) ?? [];
  if (missing === undefined) return;
  throw new FormatError(folder.name, `it is a ${pipeline}, which is not supported: it needs ${missing}`, {
    advice: `of diffusers' pipelines only ${PIPELINES.join(" and ")} (Karlo) run`,
  });
}

/** Names of tensors that only one network of Karlo has, and what it is: its component in a folder, and its name in messages. */
const NETWORKS = [
  ["prd_embedding", "prior", "the network of Karlo's prior"],
  ["learned_classifier_free_guidance_embeddings", "text_proj", "the text projection of Karlo's decoder"],
  ["mid_block.attentions.0.add_k_proj.weight", "decoder", "the U-Net of Karlo's decoder"],
] as const;

/** A network of Karlo in a file of tensors. */
function claimFile({ tensors }: Pick<Checkpoint, "tensors">): Claim | undefined {
  const [, component, network] = NETWORKS.find(([name]) => tensors.has(name)) ?? [];
  if (component === undefined) return undefined;
  return { component, kind: undefined, words: `${network} alone: name the folder of its whole model` };
}

/** Describes a network of Karlo in a file of tensors. */
export function inspect({ tensors }: Pick<Checkpoint, "tensors">): FamilyReport {
  const [, component = "unknown", network] = NETWORKS.find(([name]) => tensors.has(name)) ?? [];
  const rows = [
    ["network", network ?? "unknown"],
    ["use", "with its config and the other components: name the folder of its whole model"],
  ];
  return { component, dialect: {}, sections: [{ title: "Karlo", rows }], warnings: [] };
}
