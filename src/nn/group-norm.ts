import { inModule } from "./in-module.js";
import { groupNorm, type GroupNormOptions } from "../ops/norm.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Weights } from "../weights/store.js";

/** torch's `nn.GroupNorm` (eps 1e-5): loads `weight` and `bias` `[channels]`. */
export class GroupNorm {
  readonly #path: string;
  readonly #groups: number;
  readonly #weight: Tensor;
  readonly #bias: Tensor;

  constructor(weights: Weights, groups: number, channels: number) {
    this.#path = weights.path;
    this.#groups = groups;
    this.#weight = weights.vector("weight", channels);
    this.#bias = weights.vector("bias", channels);
  }

  /** NHWC to NHWC: `activation(norm(x) · (scale + 1) + shift)`; see `groupNorm`. */
  forward(x: Tensor, options: Pick<GroupNormOptions, "scaleShift" | "activation"> = {}): Tensor {
    const norm = { ...options, groups: this.#groups, weight: this.#weight, bias: this.#bias };
    return inModule(x.arena, this.#path, () => groupNorm(x, norm));
  }
}
