import { ConfigError } from "../../../config/config-error.js";
import { Linear } from "../../../nn/linear.js";
import { embedding, sinusoids } from "../../../ops/embedding.js";
import { ShapeError } from "../../../ops/shape-error.js";
import { timeRows, type PassTimes, type StepInputs, type StepRows } from "../../../ops/step-inputs.js";
import { stepTables } from "../../../ops/step-tables.js";
import { bytesPerElement } from "../../../tensor/dtype.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { NetworkDialect } from "../dialect/flags.js";
import type { Weights } from "../../../weights/store.js";

/** Embeds timesteps. */
export interface TimeEmbedding {
  /** Computes the embeddings of the timesteps of all passes, `[rows, samples, outputs]`. */
  prepare(inputs: StepInputs, times: PassTimes): StepRows;
}

/**
 * A table with a row for each timestep.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1007-L1010
 */
export class TimestepTable implements TimeEmbedding {
  readonly #table: Tensor;

  constructor(weights: Weights, timesteps: number, outputs: number) {
    this.#table = weights.table("weight", [timesteps, outputs]);
  }

  prepare(inputs: StepInputs, times: PassTimes): StepRows {
    const [entries = 0] = this.#table.shape;
    const wrong = times.flat().find((time) => !Number.isInteger(time) || time < 0 || time >= entries);
    if (wrong !== undefined) {
      throw new ShapeError("PriorNetwork", "timesteps", String(wrong), `a row of the table's ${entries}`);
    }
    const ids = timeRows(inputs, times, 1, (distinct) => distinct, "u32");
    const [count = 0, samples = 0] = ids.rows.shape;
    const compute = (rows: Tensor): readonly Tensor[] =>
      inputs.arena.scope(() => {
        const embedded = embedding(inputs.arena.share(this.#table), rows.reshape([count * samples, 1]));
        return [embedded.reshape([count, samples, embedded.channels])];
      });
    // All rows at once: samplers pass each timestep once and for all samples, so the rows take no more than the weights' table.
    return stepTables(inputs, ids, { bytesPerRow: 0, compute })[0]!;
  }
}

/**
 * Sinusoids of the time and a perceptron with two hidden layers (`SinusoidalPosEmb`, `MLP` of DALLE2-pytorch).
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1581-L1594
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L735-L766
 */
export class ContinuousTime implements TimeEmbedding {
  readonly #dim: number;
  readonly #truncate: boolean;
  readonly #layers: readonly Linear[];
  readonly #out: Linear;
  readonly #outputs: number;

  constructor(weights: Weights, dim: number, outputs: number, { priorTime }: Pick<NetworkDialect, "priorTime">) {
    const hidden = 2 * outputs;
    if (dim % 2 !== 0 || dim < 4) {
      throw new ConfigError(
        `prior.net.dim is ${dim}, but without num_timesteps it must be an even number of at least 4 (sinusoids of the time)`,
      );
    }
    this.#dim = dim;
    this.#outputs = outputs;
    this.#truncate = priorTime === "sinusInt";
    this.#layers = [
      new Linear(weights.at("1.net.0.0"), dim, hidden),
      new Linear(weights.at("1.net.1.0"), hidden, hidden),
    ];
    this.#out = new Linear(weights.at("1.net.2"), hidden, outputs);
  }

  prepare(inputs: StepInputs, times: PassTimes): StepRows {
    const [dim, options] = [this.#dim, { truncate: this.#truncate }];
    const rows = timeRows(inputs, times, dim, (distinct) => sinusoids(distinct, dim, options));
    const bytesPerRow = rows.rows.shape[1]! * this.#outputs * bytesPerElement(inputs.arena.dtype);
    return stepTables(inputs, rows, { bytesPerRow, compute: (each) => [this.#embed(each)] })[0]!;
  }

  #embed(sinusoids: Tensor): Tensor {
    return sinusoids.arena.scope(() => {
      const hidden = this.#layers.reduce((x, layer) => layer.forward(x, { activation: "silu" }), sinusoids);
      return this.#out.forward(hidden);
    });
  }
}
