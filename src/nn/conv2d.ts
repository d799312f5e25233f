import { inModule } from "./in-module.js";
import type { WinogradForm } from "../gpu/tuning.js";
import { conv2d, type ConvOptions } from "../ops/conv.js";
import { weightStandardize } from "../ops/norm.js";
import { winogradConv2d, winogradForm } from "../ops/product/winograd.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Axis, Heads } from "../weights/head-axis.js";
import type { Weights } from "../weights/store.js";
import { winogradFilters } from "../weights/winograd-filters.js";

export interface Conv2dOptions {
  readonly stride?: number;
  readonly padding?: number;
  readonly bias?: boolean;
  /** Standardise the weight (Qiao et al. 2019, DALLE2-pytorch's `WeightStandardizedConv2d`). Default: false. */
  readonly standardize?: boolean;
}

/** A weight, and how the convolution is computed from it. */
interface ConvWeight {
  readonly weight: Tensor;
  /** Set if the weight is transformed for Winograd's convolution. */
  readonly form?: WinogradForm;
}

/**
 * torch's `nn.Conv2d` with a square kernel: loads `weight` `[out, in, kernel, kernel]` and `bias` `[out]`. If channels
 * consist of heads, each head is padded.
 */
export class Conv2d {
  readonly #path: string;
  readonly #weight: ConvWeight;
  readonly #bias: Tensor | undefined;
  readonly #stride: number;
  readonly #padding: number;

  constructor(weights: Weights, inputs: number | Heads, outputs: Axis, kernel: number, options: Conv2dOptions = {}) {
    this.#path = weights.path;
    this.#stride = options.stride ?? 1;
    this.#padding = options.padding ?? 0;
    const isTiled = kernel === 3 && this.#stride === 1 && this.#padding === 1;
    this.#weight =
      (isTiled ? transformedWeight(weights, inputs, outputs, options) : undefined) ??
      packedWeight(weights, [outputs, inputs, kernel, kernel], options);
    this.#bias = options.bias === false ? undefined : weights.vector("bias", outputs);
  }

  /** NHWC in and out: `activation(x * w + b) + residual`. */
  forward(x: Tensor, options: Pick<ConvOptions, "activation" | "residual"> = {}): Tensor {
    const { weight, form } = this.#weight;
    const epilogue = { ...options, bias: this.#bias };
    return inModule(x.arena, this.#path, () =>
      form
        ? winogradConv2d(x, weight, form, epilogue)
        : conv2d(x, weight, { ...epilogue, stride: this.#stride, padding: this.#padding }),
    );
  }
}

/** Declares the weight of a 3×3 convolution where the tuning table of the device wants it transformed; else undefined. */
function transformedWeight(
  weights: Weights,
  inputs: number | Heads,
  outputs: Axis,
  { standardize = false }: Conv2dOptions,
): ConvWeight | undefined {
  if (typeof inputs !== "number" || typeof outputs !== "number" || weights.arena.weightType !== "f32") return undefined;
  const form = winogradForm(weights.arena.stream, inputs, outputs);
  if (!form) return undefined;
  return { form, weight: winogradFilters(weights, "weight", { inputs, outputs, form, ...preparation(standardize) }) };
}

/** Declares the weight as `conv2d` reads it. */
function packedWeight(
  weights: Weights,
  shape: readonly [Axis, number | Heads, number, number],
  { standardize = false }: Conv2dOptions,
): ConvWeight {
  return { weight: weights.conv("weight", shape, preparation(standardize)) };
}

function preparation(standardize: boolean): { readonly prepare?: (weight: Tensor) => Tensor } {
  return standardize ? { prepare: (weight) => weightStandardize(weight) } : {};
}
