import { inModule } from "./in-module.js";
import type { WinogradRule } from "../gpu/tuning.js";
import { conv2d, type ConvOptions, type Padding } from "../ops/conv.js";
import { weightStandardize } from "../ops/norm.js";
import { transformFilters } from "../ops/product/winograd-filters.js";
import { isForImages, winogradConv2d, winogradNumbers, winogradRule } from "../ops/product/winograd.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Axis, Heads } from "../weights/head-axis.js";
import type { Weights } from "../weights/store.js";

export interface Conv2dOptions {
  readonly stride?: number;
  readonly padding?: Padding;
  readonly bias?: boolean;
  /** Standardise the weight (Qiao et al. 2019, DALLE2-pytorch's `WeightStandardizedConv2d`). Default: false. */
  readonly standardize?: boolean;
}

/** The transformed weight of a convolution that Winograd's products compute for images that are large enough. */
interface WinogradWeight {
  readonly rule: WinogradRule;
  readonly filters: Tensor;
}

/**
 * torch's `nn.Conv2d` with a square kernel: loads `weight` `[out, in, kernel, kernel]` and `bias` `[out]`. If channels
 * consist of heads, each head is padded.
 */
export class Conv2d {
  readonly #path: string;
  readonly #weight: Tensor;
  readonly #winograd: WinogradWeight | undefined;
  readonly #bias: Tensor | undefined;
  readonly #stride: number;
  readonly #padding: Padding;

  constructor(weights: Weights, inputs: number | Heads, outputs: Axis, kernel: number, options: Conv2dOptions = {}) {
    this.#path = weights.path;
    this.#stride = options.stride ?? 1;
    this.#padding = options.padding ?? 0;
    const { standardize = false } = options;
    this.#weight = weights.conv(
      "weight",
      [outputs, inputs, kernel, kernel],
      standardize ? { prepare: (weight) => weightStandardize(weight) } : {},
    );
    const isTiled = kernel === 3 && this.#stride === 1 && this.#padding === 1;
    this.#winograd = isTiled ? winogradWeight(weights, this.#weight, inputs, outputs) : undefined;
    this.#bias = options.bias === false ? undefined : weights.vector("bias", outputs);
  }

  /** NHWC in and out: `activation(x * w + b) + residual`. */
  forward(x: Tensor, options: Pick<ConvOptions, "activation" | "residual"> = {}): Tensor {
    const epilogue = { ...options, bias: this.#bias };
    const winograd = this.#winograd;
    return inModule(x.arena, this.#path, () =>
      winograd && isForImages(winograd.rule, x)
        ? winogradConv2d(x, winograd.filters, winograd.rule.form, epilogue)
        : conv2d(x, this.#weight, { ...epilogue, stride: this.#stride, padding: this.#padding }),
    );
  }
}

/** Transforms the weight of a 3×3 convolution after loading where the tuning table of the device wants it; else undefined. */
function winogradWeight(
  weights: Weights,
  weight: Tensor,
  inputs: number | Heads,
  outputs: Axis,
): WinogradWeight | undefined {
  const { arena } = weights;
  if (typeof inputs !== "number" || typeof outputs !== "number" || arena.weightType !== "f32") return undefined;
  const rule = winogradRule(arena.stream, inputs, outputs);
  if (!rule) return undefined;
  const { points } = winogradNumbers(rule.form);
  const filters = arena.packed([points, inputs, outputs], "f32", weights.at("weight").path);
  return {
    rule,
    filters: weights.derived(filters, () => {
      // Weights that are loaded together share a buffer, which a kernel cannot both read and write.
      using copy = arena.packed(weight.shape, weight.dtype);
      arena.stream.copy(weight.storage, copy.storage);
      transformFilters(copy, filters, rule.form);
    }),
  };
}
