import type { OpenAiClipConfig } from "./config/clip-config.js";
import { ConfigError } from "../../config/config-error.js";
import type { AdapterConfig } from "./config/adapter-config.js";
import type { TensorSource } from "../../weights/tensor-source.js";
import { UnsupportedError } from "../../weights/unsupported-error.js";
import { WeightError } from "../../weights/weight-error.js";
import { contradictions } from "./contradictions.js";
import type { OpenAiClipOptions, ResNetOptions, TextOptions, TransformerShape, VitOptions } from "./openai-options.js";
import { statedBy, transformersText, transformersVision, type StatedText, type StatedVision } from "./stated-clip.js";

/**
 * Vision transformers wider than any of OpenAI's: open_clip's ViT-H, ViT-g, ViT-bigG and ViT-e, whose heads do not have 64
 * channels. By width.
 */
const WIDE_HEADS: ReadonlyMap<number, number> = new Map([
  [1280, 80],
  [1408, 88],
  [1664, 104],
  [1792, 112],
]);

/**
 * Infers the architecture from the shapes in a state dict with OpenAI's names, as `build_model` of openai/CLIP does. Other
 * options come from the CLIP's make, name and published config, which is at `place`. Throws `WeightError` if it is not such
 * a CLIP, and `ConfigError` if the config contradicts the shapes.
 * @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/model.py#L399-L436
 * @see https://github.com/mlfoundations/open_clip/blob/30573618fc375b12f094ef64cb3a1391cf611c45/src/open_clip/model.py#L717-L773
 */
export function inferOpenAiClip(
  source: TensorSource,
  { make, model }: Pick<AdapterConfig, "make" | "model">,
  config: OpenAiClipConfig = {},
  place = "the CLIP's config",
): OpenAiClipOptions {
  if (source.tensors.has("visual.trunk.patch_embed.proj.weight")) {
    throw new UnsupportedError(
      `${source.name}: a CLIP with an image encoder of timm; only CLIP's own ViT and ResNet are supported`,
    );
  }
  const wide = isWide(source);
  // OpenAI has no model this wide, and open_clip's default is the exact GELU.
  const usual = (make === "openai" && !wide) || /-quickgelu\b/.test(model) ? "quickGelu" : "gelu";
  const stated = statedBy(config, usual);
  const text = inferText(source, stated.text);
  const options: OpenAiClipOptions = {
    embedDim: embedDimOf(source, text),
    vision: isResNet(source) ? inferResNet(source, stated.vision) : inferVit(source, stated.vision),
    text,
    contextLength: sizeOf(source, "positional_embedding", 0),
    vocabSize: sizeOf(source, "token_embedding.weight", 0),
    imageMean: stated.imageMean,
    imageStd: stated.imageStd,
  };
  const faults = [...contradictions(config, options), ...indivisible(options)];
  if (faults.length > 0) throw new ConfigError(`${place} does not fit ${source.name}:\n  ${faults.join("\n  ")}`);
  return options;
}

/**
 * True if quick GELU is only a guess: the transformers library has files from OpenAI's and from open_clip's training with
 * the same names and shapes, and only the config beside them says which activation they were trained with.
 */
export function guessesQuickGelu(source: TensorSource, config: OpenAiClipConfig): boolean {
  const isStated =
    config.model_cfg !== undefined ||
    config.quick_gelu !== undefined ||
    (transformersText(config) !== undefined && transformersVision(config) !== undefined);
  return !isStated && !isWide(source);
}

function isResNet(source: TensorSource): boolean {
  return source.tensors.has("visual.layer1.0.conv1.weight");
}

function isWide(source: TensorSource): boolean {
  return !isResNet(source) && WIDE_HEADS.has(sizeOf(source, "visual.conv1.weight", 0));
}

function inferText(source: TensorSource, stated: StatedText): TextOptions {
  const width = sizeOf(source, "ln_final.weight", 0);
  const isLinear = stated.projectionBias ?? source.tensors.has("text_projection.weight");
  return {
    width,
    ...inferBlocks(source, "transformer.resblocks"),
    heads: stated.heads ?? headsOf(width),
    activation: stated.activation,
    eps: stated.eps,
    causal: stated.causal,
    pooling: stated.pooling,
    projection: !stated.hasProjection ? "none" : isLinear ? "linear" : "matrix",
  };
}

function embedDimOf(source: TensorSource, { width, projection }: TextOptions): number {
  switch (projection) {
    case "none":
      return width;
    case "linear":
      return sizeOf(source, "text_projection.weight", 0);
    case "matrix":
      return sizeOf(source, "text_projection", 1);
  }
}

function inferVit(source: TensorSource, stated: StatedVision): VitOptions {
  const width = sizeOf(source, "visual.conv1.weight", 0);
  const patchSize = sizeOf(source, "visual.conv1.weight", 2);
  const side = Math.round(Math.sqrt(sizeOf(source, "visual.positional_embedding", 0) - 1));
  // Pixels beyond the last whole patch are not seen, but count for the size that an image is resized to.
  const fits = stated.imageSize !== undefined && Math.floor(stated.imageSize / patchSize) === side;
  return {
    kind: "vit",
    resolution: fits ? stated.imageSize : patchSize * side,
    patchSize,
    width,
    ...inferBlocks(source, "visual.transformer.resblocks"),
    heads: stated.heads ?? headsOf(width, stated.headWidth ?? WIDE_HEADS.get(width)),
    activation: stated.activation,
    eps: stated.eps,
    pooling: stated.pooling,
    normBeforePooling: stated.normBeforePooling,
    normPre: stated.normPre,
  };
}

/** Facts about residual attention blocks from their tensors. */
function inferBlocks(source: TensorSource, path: string): Pick<TransformerShape, "layers" | "mlpWidth" | "layerScale"> {
  return {
    layers: countChildren(source, path),
    mlpWidth: sizeOf(source, `${path}.0.mlp.c_fc.weight`, 0),
    layerScale: source.tensors.has(`${path}.0.ls_1.gamma`),
  };
}

function inferResNet(source: TensorSource, stated: StatedVision): ResNetOptions {
  const width = sizeOf(source, "visual.layer1.0.conv1.weight", 0);
  const side = Math.round(Math.sqrt(sizeOf(source, "visual.attnpool.positional_embedding", 0) - 1));
  return {
    kind: "resnet",
    // The stem and the stages halve the image five times.
    resolution: 32 * side,
    width,
    layers: [1, 2, 3, 4].map((stage) => countChildren(source, `visual.layer${stage}`)),
    heads: headsOf(32 * width, stated.headWidth),
  };
}

/** Number of heads with `headWidth` channels each; 1 for a narrower transformer. */
function headsOf(width: number, headWidth = 64): number {
  return Math.max(1, Math.floor(width / headWidth));
}

/** Encoders whose width is not divisible by their heads, which torch refuses too. */
function indivisible({ text, vision }: OpenAiClipOptions): string[] {
  const widths = [
    ["text", text.heads, text.width],
    ["image", vision.heads, vision.kind === "vit" ? vision.width : 32 * vision.width],
  ] as const;
  return widths
    .filter(([, heads, width]) => width % heads !== 0)
    .map(
      ([what, heads, width]) => `the width of the ${what} encoder, ${width}, is not divisible by its ${heads} heads`,
    );
}

/** Number of modules in the list at a path. */
function countChildren({ tensors }: TensorSource, list: string): number {
  const inside = [...tensors.keys()].filter((name) => name.startsWith(`${list}.`));
  return new Set(inside.map((name) => name.slice(list.length + 1).split(".")[0])).size;
}

/** Size of an axis of a tensor. Without it, the file is not a CLIP of OpenAI's architecture. */
function sizeOf({ name: file, tensors }: TensorSource, name: string, axis: number): number {
  const size = tensors.get(name)?.shape[axis];
  if (size === undefined) throw new WeightError(file, { missing: [name], unused: [], misshapen: [] });
  return size;
}
