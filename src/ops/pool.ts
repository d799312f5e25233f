import type { Tensor } from "../tensor/tensor.js";
import { checkAxes, floatType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { perLine, perRows, type RowsOf } from "./parts.js";
import { ShapeError } from "./shape-error.js";

/**
 * Means over windows that do not overlap (torch's `AvgPool2d`): `[B, H, W, C]` to `[B, H / height, W / width, C]`,
 * sizes rounded down.
 */
export function averagePool(x: Tensor, [height, width]: readonly [number, number]): Tensor {
  checkAxes("averagePool", "x", x, ["B", "H", "W", "C"]);
  const [batch, sourceHeight, sourceWidth, channels] = x.shape as [number, number, number, number];
  const outHeight = Math.floor(sourceHeight / height);
  const outWidth = Math.floor(sourceWidth / width);
  if (outHeight < 1 || outWidth < 1) {
    throw new ShapeError("averagePool", "x", x.shape, ["B", `>= ${height}`, `>= ${width}`, "C"]);
  }
  const Element = floatType("averagePool", "x", x);
  const y = x.arena.empty([batch, outHeight, outWidth, channels], Element);
  const channels4 = y.stride / 4;
  const rowsOf: RowsOf = ({ line, lines }) => [line * height, (line + lines) * height];
  dispatch(x.arena.stream, "averagePool", {
    op: "averagePool",
    types: { Element },
    space: { samples: batch, lines: outHeight },
    operands: {
      x: perRows(x, sourceHeight, sourceWidth * x.stride, rowsOf),
      y: perLine(y, outWidth * y.stride),
    },
    call: ({ lines, count }) => ({
      params: {
        invocations: count * outWidth * channels4,
        height: sourceHeight,
        width: sourceWidth,
        out_height: lines,
        out_width: outWidth,
        channels4,
        window_height: height,
        window_width: width,
      },
      grid: invocations(count * outWidth * channels4),
    }),
  });
  return y;
}

/** Mean of all tokens: `[B, L, C]` to `[B, 1, C]`. */
export function meanToken(x: Tensor): Tensor {
  checkAxes("meanToken", "x", x, ["B", "L", "C"]);
  const [batch, length, channels] = x.shape as [number, number, number];
  return x.arena.scope(() => {
    const column = x.reshape([batch, length, 1, channels]);
    return averagePool(column, [length, 1]).reshape([batch, 1, channels]);
  });
}
