import type { OpenAiClipConfig } from "../../config/clip-config.js";
import type { AdapterConfig } from "../../config/train-config.js";
import type { TensorSource } from "../../weights/store.js";
import { UnsupportedError } from "../../weights/unsupported-error.js";
import { WeightError } from "../../weights/weight-error.js";

/** The function in the middle of each feed-forward layer: OpenAI's approximation of GELU, or the exact one. */
export type MlpActivation = "quickGelu" | "gelu";

/** A transformer of residual attention blocks. */
export interface TransformerShape {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly mlpWidth: number;
  readonly activation: MlpActivation;
}

export interface VitOptions extends TransformerShape {
  readonly kind: "vit";
  /** Side of the image in pixels. */
  readonly resolution: number;
  readonly patchSize: number;
}

export interface ResNetOptions {
  readonly kind: "resnet";
  /** Side of the image in pixels. */
  readonly resolution: number;
  /** Channels of the first stage. */
  readonly width: number;
  /** Bottlenecks in each of the four stages. */
  readonly layers: readonly number[];
  /** Heads of the attention that pools. */
  readonly heads: number;
}

/** The architecture of a CLIP of OpenAI's or open_clip's. */
export interface OpenAiClipOptions {
  /** Width of the space that texts and images share. */
  readonly embedDim: number;
  readonly vision: VitOptions | ResNetOptions;
  readonly text: TransformerShape;
  /** Tokens in a text. */
  readonly contextLength: number;
  readonly vocabSize: number;
  /** Mean and standard deviation of red, green and blue in the images of its training. */
  readonly imageMean: readonly number[];
  readonly imageStd: readonly number[];
}

const OPENAI_MEAN = [0.48145466, 0.4578275, 0.40821073];
const OPENAI_STD = [0.26862954, 0.26130258, 0.27577711];

/**
 * Vision transformers wider than any of OpenAI's: those of open_clip's ViT-H, ViT-g, ViT-bigG and ViT-e, whose heads are
 * not 64 wide, by their width.
 */
const WIDE_HEADS: ReadonlyMap<number, number> = new Map([
  [1280, 80],
  [1408, 88],
  [1664, 104],
  [1792, 112],
]);

/** What a `config.json` leaves out (`CLIPTextConfig` and `CLIPVisionConfig` of the transformers library, 4.x). */
const TRANSFORMERS_ACTIVATION = "quick_gelu";

/** What shapes do not tell of a CLIP: from its published config, else what is usual for its make and name. */
interface Stated {
  readonly textActivation: MlpActivation;
  readonly visionActivation: MlpActivation;
  readonly textHeads: number | undefined;
  readonly visionHeads: number | undefined;
  readonly visionHeadWidth: number | undefined;
  readonly imageMean: readonly number[];
  readonly imageStd: readonly number[];
}

/**
 * Tells the architecture from the shapes in a state dict with OpenAI's names, as `build_model` of openai/CLIP does, and
 * what they do not tell from the CLIP's make, name and published config. Throws `WeightError` where it is no such CLIP.
 */
export function inferOpenAiClip(
  source: TensorSource,
  { make, model }: Pick<AdapterConfig, "make" | "model">,
  config: OpenAiClipConfig = {},
): OpenAiClipOptions {
  if (source.tensors.has("visual.trunk.patch_embed.proj.weight")) {
    throw new UnsupportedError(
      `${source.name}: a CLIP with an image encoder of timm; only CLIP's own ViT and ResNet run`,
    );
  }
  const wide = isWide(source);
  // OpenAI made none as wide, and open_clip's exact GELU is the default of its configs.
  const usual = (make === "openai" && !wide) || /-quickgelu\b/.test(model) ? "quickGelu" : "gelu";
  const stated = statedBy(config, usual);
  const width = sizeOf(source, "ln_final.weight", 0);
  return {
    embedDim: sizeOf(source, "text_projection", 1),
    vision: isResNet(source) ? inferResNet(source) : inferVit(source, stated),
    text: {
      width,
      layers: countChildren(source, "transformer.resblocks"),
      heads: stated.textHeads ?? headsOf(width),
      mlpWidth: sizeOf(source, "transformer.resblocks.0.mlp.c_fc.weight", 0),
      activation: stated.textActivation,
    },
    contextLength: sizeOf(source, "positional_embedding", 0),
    vocabSize: sizeOf(source, "token_embedding.weight", 0),
    imageMean: stated.imageMean,
    imageStd: stated.imageStd,
  };
}

/**
 * Whether OpenAI's quick GELU is a guess: the transformers library has files of OpenAI's and of open_clip's training under
 * the same names and shapes, and only the config beside them says which activation they were trained with.
 */
export function guessesQuickGelu(source: TensorSource, config: OpenAiClipConfig): boolean {
  const { text_config: text, vision_config: vision, model_cfg: model } = config;
  const isStated = model != null || config.quick_gelu != null || (text != null && vision != null);
  return !isStated && !isWide(source);
}

function isResNet(source: TensorSource): boolean {
  return source.tensors.has("visual.layer1.0.conv1.weight");
}

function isWide(source: TensorSource): boolean {
  return !isResNet(source) && WIDE_HEADS.has(sizeOf(source, "visual.conv1.weight", 0));
}

function statedBy(config: OpenAiClipConfig, usual: MlpActivation): Stated {
  const openClip = config.model_cfg ?? config;
  const { text_config: text, vision_config: vision, preprocess_cfg: preprocess } = config;
  // A config of open_clip's that does not say it means its default, the exact one.
  const quick = openClip.quick_gelu ?? (!config.model_cfg && usual === "quickGelu");
  const activation = (given: "quick_gelu" | "gelu" | null | undefined): MlpActivation =>
    (given ? given === "quick_gelu" : quick) ? "quickGelu" : "gelu";
  return {
    textActivation: activation(text && (text.hidden_act ?? TRANSFORMERS_ACTIVATION)),
    visionActivation: activation(vision && (vision.hidden_act ?? TRANSFORMERS_ACTIVATION)),
    textHeads: text?.num_attention_heads ?? openClip.text_cfg?.heads ?? undefined,
    visionHeads: vision?.num_attention_heads ?? undefined,
    visionHeadWidth: openClip.vision_cfg?.head_width ?? undefined,
    imageMean: preprocess?.mean ?? OPENAI_MEAN,
    imageStd: preprocess?.std ?? OPENAI_STD,
  };
}

function inferVit(source: TensorSource, stated: Stated): VitOptions {
  const width = sizeOf(source, "visual.conv1.weight", 0);
  const patchSize = sizeOf(source, "visual.conv1.weight", 2);
  const side = Math.round(Math.sqrt(sizeOf(source, "visual.positional_embedding", 0) - 1));
  return {
    kind: "vit",
    resolution: patchSize * side,
    patchSize,
    width,
    layers: countChildren(source, "visual.transformer.resblocks"),
    heads: stated.visionHeads ?? headsOf(width, stated.visionHeadWidth ?? WIDE_HEADS.get(width)),
    mlpWidth: sizeOf(source, "visual.transformer.resblocks.0.mlp.c_fc.weight", 0),
    activation: stated.visionActivation,
  };
}

function inferResNet(source: TensorSource): ResNetOptions {
  const width = sizeOf(source, "visual.layer1.0.conv1.weight", 0);
  const side = Math.round(Math.sqrt(sizeOf(source, "visual.attnpool.positional_embedding", 0) - 1));
  return {
    kind: "resnet",
    // Stem and stages halve the image five times.
    resolution: 32 * side,
    width,
    layers: [1, 2, 3, 4].map((stage) => countChildren(source, `visual.layer${stage}`)),
    heads: headsOf(32 * width),
  };
}

/** Heads of `headWidth` channels each; a transformer narrower than that has a single one. */
function headsOf(width: number, headWidth = 64): number {
  return Math.max(1, Math.floor(width / headWidth));
}

/** Number of modules in the list at a path. */
function countChildren({ tensors }: TensorSource, list: string): number {
  const inside = [...tensors.keys()].filter((name) => name.startsWith(`${list}.`));
  return new Set(inside.map((name) => name.slice(list.length + 1).split(".")[0])).size;
}

/** Size of an axis of a tensor. Without the tensor, or the axis, it is no CLIP of OpenAI's architecture. */
function sizeOf({ name: file, tensors }: TensorSource, name: string, axis: number): number {
  const size = tensors.get(name)?.shape[axis];
  if (size === undefined) throw new WeightError(file, { missing: [name], unused: [], misshapen: [] });
  return size;
}
