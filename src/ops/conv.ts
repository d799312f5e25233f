import type { Tensor } from "../tensor/tensor.js";
import { floatType } from "./check.js";
import { checkEpilogue, type Epilogue } from "./epilogue.js";
import { linear } from "./linear.js";
import { perRows, type Part, type RowsOf } from "./parts.js";
import { runConv2d } from "./product/run.js";
import { ShapeError } from "./shape-error.js";

export interface ConvOptions extends Epilogue {
  /** Step of the window in pixels, in both directions. Default 1. */
  readonly stride?: number;
  /** Zero pixels around the image: on every side, or above and left, then below and right. Default 0. */
  readonly padding?: Padding;
}

/** Zero pixels on every side of an image, or above and left, then below and right. */
export type Padding = number | readonly [before: number, after: number];

/**
 * Two-dimensional convolution (torch's cross-correlation) `activation(x * w + bias) + residual`. `x` is `[batch,
 * height, width, in]`, `weight` is `[kh, kw, in, out]`, packed by `Weights.conv`. The result is `[batch, oh, ow, out]`.
 */
export function conv2d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  const { stride = 1, padding: given = 0, ...epilogue } = options;
  const [padding, paddingAfter] = typeof given === "number" ? [given, given] : given;
  if (weight.shape.length !== 4) throw new ShapeError("conv2d", "weight", weight.shape, ["kh", "kw", "in", "out"]);
  const [kernelHeight, kernelWidth, inputs, outputs] = weight.shape as [number, number, number, number];
  if (x.shape.length !== 4 || x.channels !== inputs) {
    throw new ShapeError("conv2d", "x", x.shape, ["batch", "height", "width", inputs]);
  }
  if (kernelHeight === 1 && kernelWidth === 1 && stride === 1 && padding + paddingAfter === 0) {
    // A 1×1 convolution of channels-last data is a matrix product.
    return x.arena.scope(() => linear(x, x.arena.share(weight).reshape([inputs, outputs]), epilogue));
  }
  const [batch, height, width] = x.shape as [number, number, number, number];
  const window = { stride, padding, paddingAfter, height, width, kernelHeight, kernelWidth };
  const [outHeight, outWidth] = outputSize(x, window);
  const y = x.arena.empty([batch, outHeight, outWidth, outputs], floatType("conv2d", "x", x));
  checkEpilogue("conv2d", x, y.shape, epilogue);
  convolve({ x, weight, y }, window, epilogue);
  return y;
}

/** What the sums of a convolution run over. */
interface Window {
  readonly stride: number;
  /** Above and left; below and right. */
  readonly padding: number;
  readonly paddingAfter: number;
  /** Size of the image. */
  readonly height: number;
  readonly width: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
}

/** Returns height and width of the result. Throws `ShapeError` if the image is smaller than the kernel. */
function outputSize(x: Tensor, { stride, padding, paddingAfter, height, width, kernelHeight, kernelWidth }: Window) {
  const around = padding + paddingAfter;
  const outHeight = Math.floor((height + around - kernelHeight) / stride) + 1;
  const outWidth = Math.floor((width + around - kernelWidth) / stride) + 1;
  if (outHeight < 1 || outWidth < 1) {
    const expected = `an image of at least ${kernelHeight}×${kernelWidth} pixels, including padding`;
    throw new ShapeError("conv2d", "x", x.shape, expected);
  }
  return [outHeight, outWidth] as const;
}

interface ConvTensors {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly y: Tensor;
}

/** Computes the sums of `conv2d`. */
function convolve({ x, weight, y }: ConvTensors, window: Window, epilogue: Epilogue): void {
  const { stride, padding, height, width, kernelHeight, kernelWidth } = window;
  const [batch, outHeight, outWidth] = y.shape as [number, number, number, number];
  const rowsOf = rowsUnder(window);
  const firstRow = (part: Part): number => (part.isWhole ? 0 : rowsOf(part)[0]);
  runConv2d({
    op: "conv2d",
    x,
    weight,
    y,
    epilogue,
    space: { samples: batch, lines: outHeight },
    lineSize: outWidth * y.stride,
    input: perRows(x, height, width * x.stride, rowsOf),
    rows: ({ count }) => count * outWidth,
    params: (part) => ({
      pixels: part.count * outWidth,
      height: height - firstRow(part),
      width,
      in_vectors: x.stride / 4,
      out_height: part.lines,
      out_width: outWidth,
      kernel_height: kernelHeight,
      kernel_width: kernelWidth,
      stride,
      padding,
      top: padding + firstRow(part) - part.line * stride,
    }),
  });
}

/** The rows of an image that rows of the result see: at least one, also where they see only padding. */
function rowsUnder({ stride, padding, height, kernelHeight }: Window): RowsOf {
  return ({ line, lines }) => {
    const from = Math.min(Math.max(line * stride - padding, 0), height - 1);
    const to = Math.min((line + lines - 1) * stride - padding + kernelHeight, height);
    return [from, Math.max(to, from + 1)];
  };
}
