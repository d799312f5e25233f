import { linear, type LinearOptions } from "../ops/linear.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Weights } from "../weights/store.js";

/** torch's `nn.Linear`: takes `weight` `[out, in]` and `bias` `[out]`. */
export class Linear {
  readonly #weight: Tensor;
  readonly #bias: Tensor | undefined;

  constructor(weights: Weights, inputs: number, outputs: number, { bias = true }: { bias?: boolean } = {}) {
    this.#weight = weights.linear("weight", [outputs, inputs]);
    this.#bias = bias ? weights.vector("bias", outputs) : undefined;
  }

  /** `[..., in]` to `[..., out]`: `activation(x·W + b) + residual`. */
  forward(x: Tensor, options: Omit<LinearOptions, "bias"> = {}): Tensor {
    return linear(x, this.#weight, { ...options, bias: this.#bias });
  }
}
