import type { RgbImage } from "../image/image.js";
import type { Embedding } from "./embedding.js";
import { InferenceScript, type CallOptions } from "./inference-script.js";
import { randomnessOf } from "./randomness.js";

export interface BasicInferenceOptions extends CallOptions {
  /** Default: that of the load config. */
  readonly priorCondScale?: number | undefined;
  /** For all U-Nets, or for each. Default: that of the load config. */
  readonly decoderCondScale?: number | readonly number[] | undefined;
  /** Image embeddings for each text. Default 1. */
  readonly priorSampleCount?: number | undefined;
  /** Pictures for each image embedding. Default 1. */
  readonly decoderSampleCount?: number | undefined;
  /** Default 100. */
  readonly priorBatchSize?: number | undefined;
  /** Default 10. */
  readonly decoderBatchSize?: number | undefined;
  /** Candidates for each image embedding. Default 2. */
  readonly priorNumSamplesPerBatch?: number | undefined;
  /** Sampling steps of the prior. Default: that of the load config. */
  readonly priorTimesteps?: number | undefined;
  /** Sampling steps of the U-Nets. Default: that of the load config. */
  readonly decoderTimesteps?: number | readonly (number | null)[] | undefined;
}

/** Text to image (dalle2-laion's script of that name): the prior, then the decoder. */
export class BasicInference extends InferenceScript {
  /**
   * Pictures by index of the text, then by index of the image embedding, which counts over all texts. `seeds` are one for
   * each picture and take a `decoderSampleCount` of 1: prior and decoder draw from the same generators.
   */
  async run(
    text: string | readonly string[],
    options: BasicInferenceOptions = {},
  ): Promise<Map<number, Map<number, RgbImage[]>>> {
    const texts = typeof text === "string" ? [text] : text;
    const { signal, onProgress } = options;
    const shared = { generator: randomnessOf(options), signal, onProgress };
    const embeddings = await this.samplePrior(texts, {
      ...shared,
      condScale: options.priorCondScale,
      sampleCount: options.priorSampleCount,
      batchSize: options.priorBatchSize,
      numSamplesPerBatch: options.priorNumSamplesPerBatch,
      timesteps: options.priorTimesteps,
    });
    const flat = texts.flatMap((_, index) => embeddings.get(index)!.map((embedding) => ({ index, embedding })));
    const images = await this.sampleDecoder({
      ...shared,
      onPicture: options.onPicture,
      text: flat.map(({ index }) => texts[index]!),
      imageEmbed: flat.map(({ embedding }): Embedding => embedding),
      condScale: options.decoderCondScale,
      sampleCount: options.decoderSampleCount,
      batchSize: options.decoderBatchSize,
      timesteps: options.decoderTimesteps,
    });
    const result = new Map(texts.map((_, index) => [index, new Map<number, RgbImage[]>()]));
    for (const [i, { index }] of flat.entries()) result.get(index)!.set(i, images.get(i)!);
    return result;
  }
}
