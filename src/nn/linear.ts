import type { Epilogue } from "../ops/epilogue.js";
import { inModule } from "./in-module.js";
import { linear } from "../ops/linear.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Axis, Heads } from "../weights/head-axis.js";
import type { Weights } from "../weights/store.js";

/**
 * torch's `nn.Linear`: loads `weight` `[out, in]` and `bias` `[out]`. If an axis consists of heads, each head is
 * padded.
 */
export class Linear {
  readonly #path: string;
  readonly #weight: Tensor;
  readonly #bias: Tensor | undefined;

  constructor(weights: Weights, inputs: number | Heads, outputs: Axis, { bias = true }: { bias?: boolean } = {}) {
    this.#path = weights.path;
    this.#weight = weights.linear("weight", [outputs, inputs]);
    this.#bias = bias ? weights.vector("bias", outputs) : undefined;
  }

  /** `[..., in]` to `[..., out]`: `activation(x·W + b) + residual`. */
  forward(x: Tensor, options: Omit<Epilogue, "bias"> = {}): Tensor {
    return inModule(x.arena, this.#path, () => linear(x, this.#weight, { ...options, bias: this.#bias }));
  }
}
