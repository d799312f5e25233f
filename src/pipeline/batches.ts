import { count } from "../platform/arguments.js";

/** A part of the images of a call that is computed together. */
export interface Batch {
  /** Numbers of its images, counted over the whole call. */
  readonly start: number;
  readonly end: number;
  /** For each image the index of the input that it comes from. */
  readonly inputs: readonly number[];
}

/**
 * `samplesPerInput` images for each input, side by side, in batches of at most `batchSize` (dalle2-laion's
 * `_repeat_tensor_and_batch`). With one generator for all, images depend on how they are batched, as upstream's do.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/scripts/InferenceScript.py#L121-L130
 */
export function batchesOf(inputCount: number, samplesPerInput: number, batchSize: number): Batch[] {
  count("sampleCount", samplesPerInput);
  count("batchSize", batchSize);
  const inputs = Array.from({ length: inputCount * samplesPerInput }, (_, i) => Math.floor(i / samplesPerInput));
  return Array.from({ length: Math.ceil(inputs.length / batchSize) }, (_, i) => {
    const start = i * batchSize;
    const end = Math.min(start + batchSize, inputs.length);
    return { start, end, inputs: inputs.slice(start, end) };
  });
}
