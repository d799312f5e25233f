import type { Tensor } from "../tensor/tensor.js";
import { checkAxes, floatType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { perLine } from "./parts.js";
import { ShapeError } from "./shape-error.js";

/**
 * Cuts images `[B, H, W, C]` into patches of `size` × `size` pixels. Each patch becomes a token: the result is `[B, H /
 * size · W / size, size² · C]`, row by row, channels innermost ("b c (h p1) (w p2) -> b (h w) (p1 p2 c)").
 */
export function patches(x: Tensor, size: number): Tensor {
  checkAxes("patches", "x", x, ["B", "H", "W", "C"]);
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  if (height % size !== 0 || width % size !== 0) {
    throw new ShapeError("patches", "x", x.shape, ["B", `multiple of ${size}`, `multiple of ${size}`, "C"]);
  }
  const rows = height / size;
  const columns = width / size;
  const Element = floatType("patches", "x", x);
  const y = x.arena.empty([batch, rows * columns, size * size * channels], Element);
  const [xChannels4, yChannels4] = [x.stride / 4, y.stride / 4];
  dispatch(x.arena.stream, "patches", {
    op: "patches",
    types: { Element },
    // Rows of patches.
    space: { samples: batch, lines: rows },
    operands: { x: perLine(x, size * width * x.stride), y: perLine(y, columns * y.stride) },
    call: ({ lines, count }) => ({
      params: {
        invocations: count * columns * yChannels4,
        height: lines * size,
        width,
        channels,
        x_channels4: xChannels4,
        y_channels4: yChannels4,
        rows: lines,
        columns,
        size,
      },
      grid: invocations(count * columns * yChannels4),
    }),
  });
  return y;
}
