import { Linear } from "../../../nn/linear.js";
import { sinusoids } from "../../../ops/embedding.js";
import { splitChannels } from "../../../ops/layout.js";
import { timeRows, type PassTimes, type StepInputs, type StepRows } from "../../../ops/step-inputs.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { Architecture } from "./architecture.js";

/** The time data of a run, computed before it starts. */
export interface PreparedTime {
  /** Sinusoids of the times. */
  readonly sinusoids: StepRows;
  /** `[B, timeCondDim]`: the contribution of the low-resolution image's noise level. */
  readonly lowresNoise: Tensor | undefined;
}

/**
 * The time of the diffusion process, and the noise level of the low-resolution image, as conditions.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1936-L1967
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2205-L2218
 */
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

  /** Tokens of a time. */
  get tokens(): number {
    return this.unet.numTimeTokens;
  }

  /** Uploads the sinusoids of the passes' times. `lowresNoiseLevel` has one level per sample. */
  prepare(
    inputs: StepInputs,
    batch: number,
    times: PassTimes,
    lowresNoiseLevel: readonly number[] | undefined,
  ): PreparedTime {
    const { dim } = this.unet;
    const table = timeRows(inputs, times, dim, (distinct) => sinusoids(distinct, dim));
    const { arena } = inputs;
    const noise = this.#lowresNoise;
    return arena.scope(() => {
      const lowresNoise =
        noise && lowresNoiseLevel
          ? noise.vector.forward(noise.hiddens.forward(arena.from(sinusoids(lowresNoiseLevel, dim), [batch, dim])))
          : undefined;
      return { sinusoids: table, lowresNoise };
    });
  }

  /**
   * From sinusoids `[n, samples, dim]` to vectors `[n, samples, timeCondDim]` and tokens `[n · samples, numTimeTokens,
   * condDim]`.
   */
  embed(sinusoids: Tensor): { vectors: Tensor; tokens: Tensor } {
    return sinusoids.arena.scope(() => {
      const hiddens = this.#hiddens.forward(sinusoids);
      const all = this.#tokens.forward(hiddens);
      return {
        vectors: this.#vector.forward(hiddens),
        tokens: splitChannels(all.reshape([all.rows, all.channels]), this.unet.numTimeTokens),
      };
    });
  }
}

/** The layer after sinusoids `[B, dim]`. */
class TimeHiddens {
  readonly #linear: Linear;

  constructor(weights: Weights, { dim, timeCondDim }: Architecture) {
    this.#linear = new Linear(weights.at(1), dim, timeCondDim);
  }

  forward(sinusoids: Tensor): Tensor {
    return this.#linear.forward(sinusoids, { activation: "gelu" });
  }
}
