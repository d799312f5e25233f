import { ConfigError } from "../../../config/config-error.js";
import { Linear } from "../../../nn/linear.js";
import { embedding, sinusoidalEmbedding } from "../../../ops/embedding.js";
import type { Tensor, TensorArena } from "../../../tensor/tensor.js";
import type { NetworkDialect } from "../dialect/flags.js";
import type { Weights } from "../../../weights/store.js";

/** Embeds the diffusion timestep of each sample: `[batch, outputs]`. */
export interface TimeEmbedding {
  forward(arena: TensorArena, timesteps: readonly number[]): Tensor;
}

/** A table with a row for each timestep. */
export class TimestepTable implements TimeEmbedding {
  readonly #table: Tensor;

  constructor(weights: Weights, timesteps: number, outputs: number) {
    this.#table = weights.table("weight", [timesteps, outputs]);
  }

  forward(arena: TensorArena, timesteps: readonly number[]): Tensor {
    return arena.scope(() => embedding(arena.share(this.#table), timesteps));
  }
}

/** Sinusoids of the time and a perceptron with two hidden layers (`SinusoidalPosEmb`, `MLP` of DALLE2-pytorch). */
export class ContinuousTime implements TimeEmbedding {
  readonly #dim: number;
  readonly #truncate: boolean;
  readonly #layers: readonly Linear[];
  readonly #out: Linear;

  constructor(weights: Weights, dim: number, outputs: number, { priorTime }: Pick<NetworkDialect, "priorTime">) {
    const hidden = 2 * outputs;
    if (dim % 2 !== 0 || dim < 4) {
      throw new ConfigError(
        `prior.net.dim is ${dim}, but without num_timesteps the sinusoids of the time need an even number, at least 4`,
      );
    }
    this.#dim = dim;
    this.#truncate = priorTime === "sinusInt";
    this.#layers = [
      new Linear(weights.at("1.net.0.0"), dim, hidden),
      new Linear(weights.at("1.net.1.0"), hidden, hidden),
    ];
    this.#out = new Linear(weights.at("1.net.2"), hidden, outputs);
  }

  forward(arena: TensorArena, timesteps: readonly number[]): Tensor {
    return arena.scope(() => {
      const sinusoids = sinusoidalEmbedding(arena, timesteps, this.#dim, { truncate: this.#truncate });
      const hidden = this.#layers.reduce((x, layer) => layer.forward(x, { activation: "silu" }), sinusoids);
      return this.#out.forward(hidden);
    });
  }
}
