import type { Tensor } from "../tensor/tensor.js";
import { activationKinds, type Activation } from "./activation.js";
import { checkAxes, checkDType, checkShape, floatType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { perLine, perRows, type RowsOf } from "./parts.js";
import { nearestRow } from "./resize.js";

type ImageShape = [batch: number, height: number, width: number, channels: number];

export interface SpatialModulationOptions {
  /** `[B, h, w, C]`, of any size. */
  readonly scale: Tensor;
  /** The same shape. */
  readonly shift: Tensor;
  /** Default: none. */
  readonly activation?: Activation | undefined;
  /** If `x` has some rows of an image: the first of them, and the height of the image. Default: x is an image. */
  readonly rows?: { readonly from: number; readonly height: number } | undefined;
}

/**
 * Modulates each pixel of `[B, H, W, C]` by maps of another resolution, resized like torch's `interpolate(mode="nearest")`:
 * activation(x · scale + shift).
 */
export function spatialModulation(
  x: Tensor,
  { scale, shift, activation = "none", rows = { from: 0, height: x.shape[1] ?? 0 } }: SpatialModulationOptions,
): Tensor {
  const op = "spatialModulation";
  checkAxes(op, "x", x, ["B", "H", "W", "C"]);
  checkAxes(op, "scale", scale, ["B", "h", "w", "C"]);
  const [batch, height, width, channels] = x.shape as ImageShape;
  const [, sourceHeight, sourceWidth] = scale.shape as ImageShape;
  for (const [name, map] of Object.entries({ scale, shift })) {
    checkShape(op, name, map, [batch, sourceHeight, sourceWidth, channels]);
    checkDType(op, name, map, x.dtype);
  }
  const y = x.arena.empty(x.shape, x.dtype);
  const channels4 = x.stride / 4;
  const rowOf = nearestRow(sourceHeight, rows.height);
  const rowsOf: RowsOf = ({ line, lines }) => [rowOf(rows.from + line), rowOf(rows.from + line + lines - 1) + 1];
  const perSourceRow = (map: Tensor) => perRows(map, sourceHeight, sourceWidth * map.stride, rowsOf);
  dispatch(x.arena.stream, "spatialModulation", {
    op,
    types: { Element: floatType(op, "x", x) },
    overrides: { ACTIVATION: activationKinds[activation] },
    space: { samples: batch, lines: height },
    operands: {
      x: perLine(x, width * x.stride),
      scale: perSourceRow(scale),
      shift: perSourceRow(shift),
      y: perLine(y, width * y.stride),
    },
    call: (part) => {
      const count = part.count * width * channels4;
      return {
        params: {
          invocations: count,
          source_height: sourceHeight,
          source_width: sourceWidth,
          height: part.lines,
          width,
          channels4,
          scale_y: sourceHeight / rows.height,
          scale_x: sourceWidth / width,
          first_row: rows.from + part.line,
          first_source_row: part.isWhole ? 0 : rowsOf(part)[0],
        },
        grid: invocations(count),
      };
    },
  });
  return y;
}
