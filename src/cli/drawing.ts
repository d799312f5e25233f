import { Generator } from "../diffusion/generator.js";
import type { RgbImage } from "../image/image.js";
import { InferenceScript } from "../pipeline/inference-script.js";
import type { CallOptions } from "../pipeline/script-options.js";

/** A picture to draw: what it shows, and the seed of its own generator. */
export interface Job {
  readonly prompt: string;
  readonly seed: number;
}

export interface DrawingOptions extends Pick<CallOptions, "signal" | "onProgress"> {
  readonly priorCondScale?: number | undefined;
  readonly condScale?: number | readonly number[] | undefined;
  readonly priorSteps?: number | undefined;
  readonly steps?: number | readonly number[] | undefined;
  readonly batchSize: number;
  readonly priorBatchSize: number;
}

/** Work of a drawing: network evaluations times pictures, for each network by name. */
export type WorkPlan = ReadonlyMap<string, number>;

/** The name of a network in a plan. */
export function networkName(phase: "prior" | "decoder", unetNumber = 0): string {
  return phase === "prior" ? "prior" : `U-Net ${unetNumber}`;
}

/** Text to image like `BasicInference`, but each batch of pictures is given out as soon as it is there. */
export class Drawing extends InferenceScript {
  /** The pictures in order. Each depends on its own seed alone, not on batches. */
  async *draw(jobs: readonly Job[], options: DrawingOptions): AsyncGenerator<{ job: Job; image: RgbImage }> {
    const { signal, onProgress, batchSize } = options;
    const generators = jobs.map(({ seed }) => new Generator(seed));
    const prompts = jobs.map(({ prompt }) => prompt);
    const embeddings = await this.samplePrior(prompts, {
      condScale: options.priorCondScale,
      timesteps: options.priorSteps,
      batchSize: options.priorBatchSize,
      generator: generators,
      signal,
      onProgress,
    });
    for (let start = 0; start < jobs.length; start += batchSize) {
      const end = Math.min(start + batchSize, jobs.length);
      const images = await this.sampleDecoder({
        text: prompts.slice(start, end),
        imageEmbed: Array.from({ length: end - start }, (_, i) => embeddings.get(start + i)![0]!),
        condScale: options.condScale,
        timesteps: options.steps,
        batchSize,
        generator: generators.slice(start, end),
        signal,
        onProgress,
      });
      for (let i = start; i < end; i++) yield { job: jobs[i]!, image: images.get(i - start)![0]! };
    }
  }

  /** What drawing `pictures` will take. */
  plan(pictures: number, { priorSteps, steps }: DrawingOptions): WorkPlan {
    const work = new Map<string, number>();
    const { prior, decoder } = this.manager;
    if (prior) work.set(networkName("prior"), pictures * prior.model.evaluations(priorSteps));
    for (const [i, sampler] of (decoder?.model.stages ?? []).entries()) {
      const count = typeof steps === "number" ? steps : steps?.[i];
      work.set(networkName("decoder", i + 1), pictures * sampler.evaluations(count));
    }
    return work;
  }
}
