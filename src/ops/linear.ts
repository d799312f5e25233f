import type { Tensor } from "../tensor/tensor.js";
import { floatType } from "./check.js";
import { checkEpilogue, type Epilogue } from "./epilogue.js";
import { perLine } from "./parts.js";
import { runLinear } from "./product/run.js";
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
  runLinear({
    op: "linear",
    x,
    weight,
    y,
    epilogue,
    space: { samples: 1, lines: x.rows },
    lineSize: y.stride,
    input: perLine(x),
    rows: ({ lines }) => lines,
    params: ({ lines }) => ({ rows: lines, inner_vectors: x.stride / 4 }),
  });
  return y;
}
