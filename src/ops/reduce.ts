import type { Tensor } from "../tensor/tensor.js";
import { checkDType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { perLine, perSample } from "./parts.js";
import { ShapeError } from "./shape-error.js";

/**
 * The `q`-quantile of |x| over each sample: f32 `[B, ...]` to f32 `[B, 1]`. It equals `torch.quantile` exactly: the
 * rank q · (n - 1) is computed in f32, and the two elements next to it are interpolated linearly. `q` is in [0, 1].
 */
export function quantile(x: Tensor, q: number): Tensor {
  checkDType("quantile", "x", x, "f32");
  if (!(q >= 0 && q <= 1)) throw new ShapeError("quantile", "q", String(q), "a number from 0 to 1");
  const batch = x.shape[0]!;
  const size = x.shape.slice(1).reduce((product, axis) => product * axis, 1);
  if (x.shape.length < 2 || size === 0) throw new ShapeError("quantile", "x", x.shape, ["B", "...", "C"]);
  const position = Math.fround(Math.fround(q) * (size - 1));
  const rank = Math.min(Math.floor(position), size - 1);
  const y = x.arena.empty([batch, 1], "f32");
  const vectors = x.vectors / batch;
  dispatch(x.arena.stream, "quantile", {
    op: "quantile",
    space: { samples: batch, lines: 1 },
    operands: { x: perSample(x, 4 * vectors), y: perLine(y) },
    call: ({ samples }) => ({
      params: {
        vectors,
        channels: x.channels,
        channels4: x.stride / 4,
        rank,
        weight: rank === size - 1 ? 0 : position - rank,
      },
      grid: [samples, 1, 1],
    }),
  });
  return y;
}
