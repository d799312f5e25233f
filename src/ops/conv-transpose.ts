import { kernels } from "../gpu/kernel-sources.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkAxes, floatType, weightType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { checkEpilogue, epilogueOperands, epilogueParams, type Epilogue } from "./epilogue.js";
import { transposedPanels } from "./panels.js";
import { fixedSpan, perRows, type RowsOf } from "./parts.js";
import { productGrid, transposedKernel } from "./product/kernels.js";
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
  // A row of x gives two rows of the result, which also see the rows before and after it.
  const rowsOf: RowsOf = ({ line, lines }) => [Math.max(line - 1, 0), Math.min(line + lines + 1, height)];
  for (const { first, vectors, span } of transposedPanels(weight)) {
    const { kernel, constants, tile } = transposedKernel(x.arena.stream, { rows: x.rows, vectors });
    dispatch(x.arena.stream, kernel, {
      op: "convTranspose2d",
      types: { Element },
      constants,
      choices: { weights: weightType("convTranspose2d", weight) },
      space: { samples: batch, lines: height },
      operands: {
        x: perRows(x, height, width * x.stride, rowsOf),
        w: fixedSpan(weight, span),
        ...epilogueOperands(y, STRIDE ** 2 * width * y.stride, epilogue),
      },
      call: (part) => {
        const firstRow = part.isWhole ? 0 : rowsOf(part)[0];
        const [columns, ...rows] = productGrid(tile, part.count * width, vectors);
        return {
          params: {
            pixels: part.count * width,
            height: height - firstRow,
            width,
            in_vectors: x.stride / 4,
            taps: KERNEL / STRIDE,
            columns,
            first_row: part.line - firstRow,
            first_vector: first,
            panel_vectors: vectors,
            ...epilogueParams(y, epilogue),
          },
          // Each pixel of a patch of the result has its own taps.
          grid: [STRIDE ** 2 * columns, ...rows],
        };
      },
    });
  }
  return y;
}
