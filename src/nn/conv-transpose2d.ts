import { inModule } from "./in-module.js";
import { convTranspose2d } from "../ops/conv-transpose.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Weights } from "../weights/store.js";

/**
 * torch's `nn.ConvTranspose2d(inputs, outputs, 4, stride = 2, padding = 1)`: loads `weight` `[inputs, outputs, 4, 4]`
 * and `bias` `[outputs]`.
 */
export class ConvTranspose2d {
  readonly #path: string;
  readonly #weight: Tensor;
  readonly #bias: Tensor;

  constructor(weights: Weights, inputs: number, outputs: number) {
    this.#path = weights.path;
    // Packing puts the input channels innermost, as `convTranspose2d` needs them.
    this.#weight = weights.conv("weight", [inputs, outputs, 4, 4], { isTransposed: true });
    this.#bias = weights.vector("bias", outputs);
  }

  /** `[B, H, W, inputs]` to `[B, 2H, 2W, outputs]`. */
  forward(x: Tensor): Tensor {
    return inModule(x.arena, this.#path, () => convTranspose2d(x, this.#weight, { bias: this.#bias }));
  }
}
