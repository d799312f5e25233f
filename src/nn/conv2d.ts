import { inModule } from "./in-module.js";
import { conv2d, type ConvOptions } from "../ops/conv.js";
import { weightStandardize } from "../ops/norm.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Axis, Heads } from "../weights/head-axis.js";
import type { Weights } from "../weights/store.js";

export interface Conv2dOptions {
  readonly stride?: number;
  readonly padding?: number;
  readonly bias?: boolean;
  /** Standardise the weight (Qiao et al. 2019, DALLE2-pytorch's `WeightStandardizedConv2d`). Default: false. */
  readonly standardize?: boolean;
}

/**
 * torch's `nn.Conv2d` with a square kernel: loads `weight` `[out, in, kernel, kernel]` and `bias` `[out]`. If channels
 * consist of heads, each head is padded.
 */
export class Conv2d {
  readonly #path: string;
  readonly #weight: Tensor;
  readonly #bias: Tensor | undefined;
  readonly #stride: number;
  readonly #padding: number;

  constructor(weights: Weights, inputs: number | Heads, outputs: Axis, kernel: number, options: Conv2dOptions = {}) {
    this.#path = weights.path;
    const prepare = options.standardize ? (weight: Tensor) => weightStandardize(weight) : undefined;
    this.#weight = weights.conv("weight", [outputs, inputs, kernel, kernel], { ...(prepare && { prepare }) });
    this.#bias = options.bias === false ? undefined : weights.vector("bias", outputs);
    this.#stride = options.stride ?? 1;
    this.#padding = options.padding ?? 0;
  }

  /** NHWC in and out: `activation(x * w + b) + residual`. */
  forward(x: Tensor, options: Pick<ConvOptions, "activation" | "residual"> = {}): Tensor {
    const conv = { ...options, bias: this.#bias, stride: this.#stride, padding: this.#padding };
    return inModule(x.arena, this.#path, () => conv2d(x, this.#weight, conv));
  }
}
