import { MAX_GROUPS } from "../gpu/grid.js";
import { kernels, libs } from "../gpu/kernel-sources.js";
import type { Tensor } from "../tensor/tensor.js";
import { floatType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { checkEpilogue, epilogueOperands, epilogueParams, type Epilogue } from "./epilogue.js";
import { packedPanels } from "./panels.js";
import { fixedSpan, perLine } from "./parts.js";
import { ShapeError } from "./shape-error.js";

// All product kernels share kernels/lib/product.wgsl.
const { GROUP_COLUMNS, GROUP_ROWS } = libs.product;
const { TILE_ROWS, TILE_VECTORS } = kernels.matmul.constants;

/**
 * Returns the workgroups that cover `rows` × `vectors` outputs of a product. Rows beyond the limit of y continue in z.
 */
export function productGrid(rows: number, vectors: number): [number, number, number] {
  const y = Math.ceil(rows / (GROUP_ROWS * TILE_ROWS));
  const x = Math.ceil(vectors / (GROUP_COLUMNS * TILE_VECTORS));
  return [x, Math.min(y, MAX_GROUPS), Math.ceil(y / MAX_GROUPS)];
}

/**
 * `activation(x · W + bias) + residual` over the last axis. `x` is `[..., in]`, `weight` is `[in, out]`, packed by
 * `Weights.linear`. The result is `[..., out]`.
 */
export function linear(x: Tensor, weight: Tensor, epilogue: Epilogue = {}): Tensor {
  const [inputs, outputs] = weight.shape as [number, number];
  if (weight.shape.length !== 2) throw new ShapeError("linear", "weight", weight.shape, ["in", "out"]);
  if (x.channels !== inputs) throw new ShapeError("linear", "x", x.shape, ["...", inputs]);
  const shape = [...x.shape.slice(0, -1), outputs];
  const Element = floatType("linear", "x", x);
  checkEpilogue("linear", x, shape, epilogue);
  const y = x.arena.empty(shape, Element);
  for (const { first, vectors, span } of packedPanels(weight)) {
    dispatch(x.arena.stream, "matmul", {
      op: "linear",
      types: { Element },
      space: { samples: 1, lines: x.rows },
      operands: { x: perLine(x), w: fixedSpan(weight, span), ...epilogueOperands(y, y.stride, epilogue) },
      call: ({ lines }) => ({
        params: {
          rows: lines,
          inner_vectors: x.stride / 4,
          first_vector: first,
          panel_vectors: vectors,
          ...epilogueParams(y, epilogue),
        },
        grid: productGrid(lines, vectors),
      }),
    });
  }
  return y;
}
