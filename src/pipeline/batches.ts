import { count } from "../platform/arguments.js";

/** Images of a call that are computed together. */
export interface Batch {
  /** Index of its first image, counted over the whole call. */
  readonly start: number;
  /** Index after its last image. */
  readonly end: number;
  /** For each image, the index of its input. */
  readonly inputs: readonly number[];
}

/**
 * Splits `samplesPerInput` images for each input into batches of at most `batchSize`; images of one input follow each other
 * (dalle2-laion's `_repeat_tensor_and_batch`). If all share one generator, images depend on the batches, as in dalle2-laion.
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
