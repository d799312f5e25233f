import { Linear } from "../../../nn/linear.js";
import { add } from "../../../ops/elementwise.js";
import { sinusoidalEmbedding } from "../../../ops/embedding.js";
import { splitChannels } from "../../../ops/layout.js";
import type { Tensor, TensorArena } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { Architecture } from "./architecture.js";

/** The time of the diffusion process, and with it the noise level of the low-resolution image, as conditions. */
export class TimeCondition {
  readonly #hiddens: TimeHiddens;
  readonly #tokens: Linear;
  readonly #vector: Linear;
  readonly #lowresNoise: { readonly hiddens: TimeHiddens; readonly vector: Linear } | undefined;

  constructor(
    weights: Weights,
    private readonly unet: Architecture,
  ) {
    const { condDim, timeCondDim, numTimeTokens } = unet;
    this.#hiddens = new TimeHiddens(weights.at("to_time_hiddens"), unet);
    this.#tokens = new Linear(weights.at("to_time_tokens", 0), timeCondDim, condDim * numTimeTokens);
    this.#vector = new Linear(weights.at("to_time_cond", 0), timeCondDim, timeCondDim);
    if (unet.lowresNoiseCond) {
      const noise = weights.at("to_lowres_noise_cond");
      this.#lowresNoise = {
        hiddens: new TimeHiddens(noise, unet),
        vector: new Linear(noise.at(3), timeCondDim, timeCondDim),
      };
    }
  }

  /** One time per sample to a vector `[B, timeCondDim]` and tokens `[B, numTimeTokens, condDim]`. */
  forward(
    arena: TensorArena,
    times: readonly number[],
    lowresNoiseLevel: readonly number[] | undefined,
  ): { vector: Tensor; tokens: Tensor } {
    return arena.scope(() => {
      const hiddens = this.#hiddens.forward(arena, times);
      const tokens = splitChannels(this.#tokens.forward(hiddens), this.unet.numTimeTokens);
      const vector = this.#vector.forward(hiddens);
      if (!this.#lowresNoise || !lowresNoiseLevel) return { vector, tokens };
      const noise = this.#lowresNoise.hiddens.forward(arena, lowresNoiseLevel);
      return { vector: add(vector, this.#lowresNoise.vector.forward(noise)), tokens };
    });
  }
}

/** A sinusoidal embedding and one layer. */
class TimeHiddens {
  readonly #linear: Linear;
  readonly #dim: number;

  constructor(weights: Weights, { dim, timeCondDim }: Architecture) {
    this.#dim = dim;
    this.#linear = new Linear(weights.at(1), dim, timeCondDim);
  }

  forward(arena: TensorArena, times: readonly number[]): Tensor {
    return arena.scope(() =>
      this.#linear.forward(sinusoidalEmbedding(arena, times, this.#dim), { activation: "gelu" }),
    );
  }
}
