import type { Tensor } from "../tensor/tensor.js";
import { floatType, weightType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { checkEpilogue, epilogueOperands, epilogueParams, type Epilogue } from "./epilogue.js";
import { packedPanels } from "./panels.js";
import { fixedSpan, perLine } from "./parts.js";
import { productGrid, productKernel } from "./product/kernels.js";
import { ShapeError } from "./shape-error.js";

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
  const kernel = productKernel(x.arena.stream, { rows: x.rows });
  for (const { first, vectors, span } of packedPanels(weight)) {
    dispatch(x.arena.stream, kernel.linear, {
      op: "linear",
      types: { Element },
      choices: { weights: weightType("linear", weight) },
      constants: kernel.constants,
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
        grid: productGrid(kernel.tile, lines, vectors),
      }),
    });
  }
  return y;
}
