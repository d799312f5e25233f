import type { Tensor } from "../tensor/tensor.js";
import { checkAxes, floatType } from "./check.js";
import { invocations } from "./grid.js";
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
  x.arena.stream.dispatch("averagePool", {
    types: { Element },
    bindings: { x: x.storage, y: y.storage },
    params: {
      invocations: y.vectors,
      height: sourceHeight,
      width: sourceWidth,
      out_height: outHeight,
      out_width: outWidth,
      channels4: y.stride / 4,
      window_height: height,
      window_width: width,
    },
    grid: invocations(y.vectors),
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
