import type { Tensor } from "../tensor/tensor.js";
import { checkAxes, floatType } from "./check.js";
import { invocations } from "./grid.js";
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
  x.arena.stream.dispatch("patches", {
    types: { Element },
    bindings: { x: x.storage, y: y.storage },
    params: {
      invocations: y.vectors,
      height,
      width,
      channels,
      x_channels4: x.stride / 4,
      y_channels4: y.stride / 4,
      rows,
      columns,
      size,
    },
    grid: invocations(y.vectors),
  });
  return y;
}
