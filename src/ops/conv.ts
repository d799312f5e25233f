import type { Tensor } from "../tensor/tensor.js";
import {
  checkEpilogue,
  elementType,
  epilogueParams,
  GEMM_TILE,
  gemmGrid,
  linear,
  type LinearOptions,
} from "./linear.js";
import { ShapeError } from "./shape-error.js";

export interface ConvOptions extends LinearOptions {
  /** Pixels between windows, in both directions. Default 1. */
  readonly stride?: number;
  /** Zero pixels around the image, on every side. Default 0. */
  readonly padding?: number;
}

/**
 * Two-dimensional convolution (torch's cross-correlation) of `x` `[batch, height, width, in]` with `weight`
 * `[kh, kw, in, out]`, packed by `Weights.conv`: `activation(x * w + bias) + residual`, `[batch, oh, ow, out]`.
 */
export function conv2d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  const { bias, activation = "none", residual, stride = 1, padding = 0 } = options;
  if (weight.shape.length !== 4) throw new ShapeError("conv2d", "weight", weight.shape, ["kh", "kw", "in", "out"]);
  const [kernelHeight, kernelWidth, inputs, outputs] = weight.shape as [number, number, number, number];
  if (x.shape.length !== 4 || x.channels !== inputs) {
    throw new ShapeError("conv2d", "x", x.shape, ["batch", "height", "width", inputs]);
  }
  const [batch, height, width] = x.shape as [number, number, number, number];
  if (kernelHeight === 1 && kernelWidth === 1 && stride === 1 && padding === 0) {
    // A 1×1 convolution of channels-last data is a matrix product.
    return x.arena.scope(() => linear(x, weight.reshape([inputs, outputs]), { bias, activation, residual }));
  }
  const outHeight = Math.floor((height + 2 * padding - kernelHeight) / stride) + 1;
  const outWidth = Math.floor((width + 2 * padding - kernelWidth) / stride) + 1;
  if (outHeight < 1 || outWidth < 1) {
    throw new ShapeError(
      "conv2d",
      "x",
      x.shape,
      `an image of at least ${kernelHeight}×${kernelWidth} with its padding`,
    );
  }
  const shape = [batch, outHeight, outWidth, outputs];
  checkEpilogue("conv2d", x, shape, bias, residual);
  const y = x.arena.empty(shape, x.dtype);
  x.arena.stream.dispatch("conv2d", {
    types: { Element: elementType(x) },
    constants: GEMM_TILE,
    bindings: {
      x: x.storage,
      w: weight.storage,
      bias: bias?.storage,
      residual: residual?.storage,
      y: y.storage,
    },
    params: {
      pixels: y.rows,
      height,
      width,
      in_vectors: x.stride / 4,
      out_height: outHeight,
      out_width: outWidth,
      out_vectors: y.stride / 4,
      kernel_height: kernelHeight,
      kernel_width: kernelWidth,
      stride,
      padding,
      ...epilogueParams(activation, bias, residual),
    },
    grid: gemmGrid(y.rows, y.stride / 4),
  });
  return y;
}
