import { UnsupportedError } from "../../weights/unsupported-error.js";
import { WeightError } from "../../weights/weight-error.js";
import type { TensorSource } from "../../weights/store.js";

/** Arguments of the `CLIP` class of openai/CLIP, and the heads of its vision transformer. */
export interface OpenAiClipOptions {
  /** Width of the space that texts and images share. */
  readonly embedDim: number;
  /** Side of the image in pixels. */
  readonly imageResolution: number;
  readonly visionLayers: number;
  readonly visionWidth: number;
  readonly visionHeads: number;
  readonly visionPatchSize: number;
  /** Tokens in a text. */
  readonly contextLength: number;
  readonly vocabSize: number;
  readonly transformerWidth: number;
  readonly transformerHeads: number;
  readonly transformerLayers: number;
}

/**
 * Tells the architecture from the shapes in a state dict, as OpenAI's `build_model` does.
 * Throws `WeightError` where it is no CLIP of OpenAI's, `UnsupportedError` for a ResNet.
 */
export function inferOpenAiClip(source: TensorSource): OpenAiClipOptions {
  if (source.tensors.has("visual.layer1.0.conv1.weight")) {
    throw new UnsupportedError(`${source.name}: a CLIP whose image encoder is a ResNet`);
  }
  const size = (name: string, axis: number): number => sizeOf(source, name, axis);
  const visionWidth = size("visual.conv1.weight", 0);
  const visionPatchSize = size("visual.conv1.weight", 2);
  const gridSize = Math.round(Math.sqrt(size("visual.positional_embedding", 0) - 1));
  const transformerWidth = size("ln_final.weight", 0);
  return {
    embedDim: size("text_projection", 1),
    imageResolution: visionPatchSize * gridSize,
    visionLayers: countBlocks(source, "visual.transformer.resblocks."),
    visionWidth,
    visionHeads: headsOf(visionWidth),
    visionPatchSize,
    contextLength: size("positional_embedding", 0),
    vocabSize: size("token_embedding.weight", 0),
    transformerWidth,
    transformerHeads: headsOf(transformerWidth),
    transformerLayers: countBlocks(source, "transformer.resblocks."),
  };
}

/** Every CLIP of OpenAI's has heads of 64; one narrower than that has a single head. */
function headsOf(width: number): number {
  return Math.max(1, Math.floor(width / 64));
}

function countBlocks({ tensors }: TensorSource, prefix: string): number {
  const blocks = [...tensors.keys()].filter((name) => name.startsWith(prefix));
  return new Set(blocks.map((name) => name.slice(prefix.length).split(".")[0])).size;
}

/** Size of an axis of a tensor. Without the tensor, or the axis, it is no CLIP of OpenAI's. */
function sizeOf({ name: file, tensors }: TensorSource, name: string, axis: number): number {
  const size = tensors.get(name)?.shape[axis];
  if (size === undefined) throw new WeightError(file, { missing: [name], unused: [], misshapen: [] });
  return size;
}
