import type { Tensor } from "../tensor/tensor.js";
import { checkAxes } from "./check.js";
import { checkEpilogue, elementType, GEMM_TILE, gemmGrid } from "./linear.js";
import { ShapeError } from "./shape-error.js";

/** Pixels of each 2×2 patch of the result, each of which sees four taps of its own. */
const PIXELS_OF_PATCH = 4;

/**
 * Transposed convolution with a 4×4 kernel, stride 2 and padding 1 (torch's `ConvTranspose2d`): doubles height and width.
 * `x` is `[B, H, W, in]`, `weight` `[4, 4, out, in]` with `in` innermost, `bias` f32 `[out]`; the result is
 * `[B, 2H, 2W, out]`.
 */
export function convTranspose2d(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  checkAxes("convTranspose2d", "x", x, ["B", "H", "W", "in"]);
  const [batch, height, width, inputs] = x.shape as [number, number, number, number];
  const [kernelHeight, kernelWidth, outputs = 0] = weight.shape;
  if (weight.shape.length !== 4 || kernelHeight !== 4 || kernelWidth !== 4 || weight.channels !== inputs) {
    throw new ShapeError("convTranspose2d", "weight", weight.shape, [4, 4, "out", inputs]);
  }
  const shape = [batch, 2 * height, 2 * width, outputs];
  checkEpilogue("convTranspose2d", x, shape, bias, undefined);
  const y = x.arena.empty(shape, x.dtype);
  const [columns, ...rows] = gemmGrid(x.rows, y.stride / 4);
  x.arena.stream.dispatch("convTranspose2d", {
    types: { Element: elementType(x) },
    constants: GEMM_TILE,
    bindings: { x: x.storage, w: weight.storage, bias: bias.storage, y: y.storage },
    params: {
      pixels: x.rows,
      height,
      width,
      in_vectors: x.stride / 4,
      out_vectors: y.stride / 4,
      columns,
    },
    grid: [PIXELS_OF_PATCH * columns, ...rows],
  });
  return y;
}
