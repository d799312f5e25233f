import { inModule } from "./in-module.js";
import { groupNorm, rowsCoefficients, type GroupNormOptions } from "../ops/group-norm.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Weights } from "../weights/store.js";

/** torch's `nn.GroupNorm`: loads `weight` and `bias` `[channels]`. */
export class GroupNorm {
  readonly #path: string;
  readonly #options: Pick<GroupNormOptions, "groups" | "eps">;
  readonly #weight: Tensor;
  readonly #bias: Tensor;

  /** `eps` is 1e-5 by default. */
  constructor(weights: Weights, groups: number, channels: number, { eps = 1e-5 }: { readonly eps?: number } = {}) {
    this.#path = weights.path;
    this.#options = { groups, eps };
    this.#weight = weights.vector("weight", channels);
    this.#bias = weights.vector("bias", channels);
  }

  /** NHWC to NHWC: `activation(norm(x) · (scale + 1) + shift) + residual`; see `groupNorm`. */
  forward(
    x: Tensor,
    options: Pick<GroupNormOptions, "scaleShift" | "scaleShiftStart" | "activation" | "residual"> = {},
  ): Tensor {
    const norm = { ...options, ...this.#options, weight: this.#weight, bias: this.#bias };
    return inModule(x.arena, this.#path, () => groupNorm(x, norm));
  }

  /** The coefficients for a feature map whose rows have these `statistics`; see `rowsCoefficients`. */
  coefficients(statistics: Tensor, map: Parameters<typeof rowsCoefficients>[1]): Tensor {
    const norm = { ...this.#options, weight: this.#weight, bias: this.#bias };
    return inModule(statistics.arena, this.#path, () => rowsCoefficients(statistics, map, norm));
  }
}
