import { kernels } from "../gpu/kernel-sources.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkAxes, floatType } from "./check.js";
import { checkEpilogue, epilogueBindings, epilogueParams, type Epilogue } from "./epilogue.js";
import { productGrid } from "./linear.js";
import { ShapeError } from "./shape-error.js";

const { KERNEL, STRIDE } = kernels.convTranspose2d.fixed;

/**
 * Transposed convolution with a 4×4 kernel, stride 2 and padding 1 (torch's `ConvTranspose2d`), which doubles height
 * and width. `x` is `[B, H, W, in]`, `weight` is `[4, 4, out, in]` with `in` innermost. The result is `[B, 2H, 2W,
 * out]`, with the epilogue applied.
 */
export function convTranspose2d(x: Tensor, weight: Tensor, epilogue: Epilogue = {}): Tensor {
  checkAxes("convTranspose2d", "x", x, ["B", "H", "W", "in"]);
  const [batch, height, width, inputs] = x.shape as [number, number, number, number];
  const [kernelHeight, kernelWidth, outputs = 0] = weight.shape;
  if (weight.shape.length !== 4 || kernelHeight !== KERNEL || kernelWidth !== KERNEL || weight.channels !== inputs) {
    throw new ShapeError("convTranspose2d", "weight", weight.shape, [KERNEL, KERNEL, "out", inputs]);
  }
  const shape = [batch, STRIDE * height, STRIDE * width, outputs];
  const Element = floatType("convTranspose2d", "x", x);
  checkEpilogue("convTranspose2d", x, shape, epilogue);
  const y = x.arena.empty(shape, Element);
  const [columns, ...rows] = productGrid(x.rows, y.stride / 4);
  x.arena.stream.dispatch("convTranspose2d", {
    types: { Element },
    bindings: { x: x.storage, w: weight.storage, ...epilogueBindings(y, epilogue) },
    params: {
      pixels: x.rows,
      height,
      width,
      in_vectors: x.stride / 4,
      taps: KERNEL / STRIDE,
      columns,
      ...epilogueParams(y, epilogue),
    },
    // Each pixel of a patch of the result has its own taps.
    grid: [STRIDE ** 2 * columns, ...rows],
  });
  return y;
}
