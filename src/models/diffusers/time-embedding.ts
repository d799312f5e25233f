import { Linear } from "../../nn/linear.js";
import type { Activation } from "../../ops/activation.js";
import { timeRows, type PassTimes, type StepInputs, type StepRows } from "../../ops/step-inputs.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";
import type { TimeFeatureOptions } from "./config/unet-config.js";

export interface TimeEmbeddingOptions {
  /** Width of the sinusoids. */
  readonly features: number;
  readonly hidden: number;
  readonly outputs: number;
  readonly activation?: Activation;
  /** Default: cosines before sines, no shift. */
  readonly sinusoids?: TimeFeatureOptions;
}

const COSINE_FIRST: TimeFeatureOptions = { cosineFirst: true, shift: 0 };

/**
 * Sinusoids of a timestep and a perceptron (`Timesteps` and `TimestepEmbedding` of diffusers).
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/embeddings.py#L1261-L1325
 */
export class TimeEmbedding {
  readonly #options: TimeEmbeddingOptions;
  readonly #hidden: Linear;
  readonly #out: Linear;

  constructor(weights: Weights, options: TimeEmbeddingOptions) {
    const { features, hidden, outputs } = options;
    this.#options = options;
    this.#hidden = new Linear(weights.at("linear_1"), features, hidden);
    this.#out = new Linear(weights.at("linear_2"), hidden, outputs);
  }

  /** Uploads the sinusoids of all passes. */
  prepare(inputs: StepInputs, times: PassTimes): StepRows {
    const { features, sinusoids = COSINE_FIRST } = this.#options;
    return timeRows(inputs, times, features, (distinct) => timeFeatures(distinct, features, sinusoids));
  }

  /** From sinusoids `[..., features]` to embeddings `[..., outputs]`. `after` is applied to them. */
  forward(sinusoids: Tensor, after?: Activation): Tensor {
    const { activation = "silu" } = this.#options;
    return sinusoids.arena.scope(() => {
      const hidden = this.#hidden.forward(sinusoids, { activation });
      return this.#out.forward(hidden, { activation: after });
    });
  }
}

/**
 * Sinusoids of timesteps, `width` values for each: of timestep · 10000^(-k / (width/2 - shift)). If the width is odd, the
 * last value is 0. Each operation is rounded to f32, as in torch; only sine and cosine are exact.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/embeddings.py#L26-L77
 */
export function timeFeatures(
  times: readonly number[],
  width: number,
  { cosineFirst, shift }: TimeFeatureOptions = COSINE_FIRST,
): Float32Array {
  const f = Math.fround;
  const half = Math.floor(width / 2);
  const [cosines, sines] = cosineFirst ? [0, half] : [half, 0];
  const values = new Float32Array(times.length * width);
  times.forEach((time, sample) => {
    for (let k = 0; k < half; k++) {
      const exponent = f(f(f(-Math.log(10000)) * k) / f(half - shift));
      const angle = f(f(time) * f(Math.exp(exponent)));
      values[sample * width + cosines + k] = Math.cos(angle);
      values[sample * width + sines + k] = Math.sin(angle);
    }
  });
  return values;
}
