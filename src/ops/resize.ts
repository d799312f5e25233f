import { bicubicWeights, cubicWeights, type ResizeTable } from "../image/float-resize.js";
import { kernels } from "../gpu/kernel-sources.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkAxes, floatType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { perLine, perLineOfAll, perRows, type RowsOf } from "./parts.js";
import { ShapeError } from "./shape-error.js";

/** Rows that an invocation of the kernel computes. */
const { ROWS } = kernels.resizeNearest.fixed;

type ImageShape = [batch: number, height: number, width: number, channels: number];
type Size = readonly [height: number, width: number];

/** Resizes `[B, H, W, C]` to `[B, height, width, C]` like torch's `interpolate(mode="nearest")`. */
export function resizeNearest(x: Tensor, [height, width]: Size): Tensor {
  const [batch, sourceHeight, sourceWidth, channels] = imageShape("resizeNearest", x);
  checkSize("resizeNearest", height, width);
  const Element = floatType("resizeNearest", "x", x);
  const y = x.arena.empty([batch, height, width, channels], Element);
  const channels4 = y.stride / 4;
  const rowOf = nearestRow(sourceHeight, height);
  const rowsOf: RowsOf = ({ line, lines }) => [rowOf(line), rowOf(line + lines - 1) + 1];
  dispatch(x.arena.stream, "resizeNearest", {
    op: "resizeNearest",
    types: { Element },
    space: { samples: batch, lines: height },
    operands: { x: perRows(x, sourceHeight, sourceWidth * x.stride, rowsOf), y: perLine(y, width * y.stride) },
    call: (part) => {
      const rowBlocks = Math.ceil(part.lines / ROWS);
      const count = part.samples * rowBlocks * width * channels4;
      return {
        params: {
          invocations: count,
          source_height: sourceHeight,
          source_width: sourceWidth,
          height: part.lines,
          width,
          channels4,
          row_blocks: rowBlocks,
          scale_y: sourceHeight / height,
          scale_x: sourceWidth / width,
          first_row: part.line,
          first_source_row: part.isWhole ? 0 : rowsOf(part)[0],
        },
        grid: invocations(count),
      };
    },
  });
  return y;
}

/** The source row of a row, computed in f32 like in the kernel. */
export function nearestRow(sourceHeight: number, height: number): (row: number) => number {
  const scale = Math.fround(sourceHeight / height);
  return (row) => Math.min(Math.floor(Math.fround(row * scale)), sourceHeight - 1);
}

/**
 * Resizes `[B, H, W, C]` to `[B, height, width, C]` with a cubic kernel, antialiased when it shrinks, like
 * resize-right, which the reference uses (src/image/float-resize.ts). Returns `x` itself if it already has the size.
 */
export function resizeCubic(x: Tensor, [height, width]: Size): Tensor {
  return resample("resizeCubic", x, [height, width], cubicWeights);
}

/**
 * Resizes `[B, H, W, C]` to `[B, height, width, C]` like torch's `interpolate(mode="bicubic", antialias=True)`. Returns `x`
 * itself if it already has the size.
 */
export function resizeBicubic(x: Tensor, [height, width]: Size): Tensor {
  return resample("resizeBicubic", x, [height, width], bicubicWeights);
}

type WeightsOf = (sourceLength: number, length: number) => ResizeTable;

function resample(op: string, x: Tensor, [height, width]: Size, weightsOf: WeightsOf): Tensor {
  imageShape(op, x);
  checkSize(op, height, width);
  const along = (image: Tensor, axis: 1 | 2, length: number): Tensor => {
    const sourceLength = image.shape[axis]!;
    return sourceLength === length ? image : resampleAxis(op, image, axis, weightsOf(sourceLength, length));
  };
  return x.arena.scope(() => along(along(x, 1, height), 2, width));
}

function resampleAxis(op: string, x: Tensor, axis: 1 | 2, table: ResizeTable): Tensor {
  const sourceLength = x.shape[axis]!;
  const length = table.indices.length / table.taps;
  const { arena } = x;
  const Element = floatType(op, "x", x);
  const weights = arena.from(Float32Array.from(table.weights), [length, table.taps], "f32");
  const positions = arena.from(table.indices, [length, table.taps], "u32");
  const y = arena.empty(x.shape.with(axis, length), Element);
  const inner = (axis === 1 ? x.shape[2]! : 1) * x.stride;
  const { taps, indices } = table;
  const rowsOf: RowsOf = ({ line, lines }) => {
    let [first, last] = [sourceLength - 1, 0];
    for (let tap = line * taps; tap < (line + lines) * taps; tap++) {
      first = Math.min(first, indices[tap]!);
      last = Math.max(last, indices[tap]!);
    }
    return [first, last + 1];
  };
  dispatch(arena.stream, "resample", {
    op,
    types: { Element },
    space: { samples: x.shape.slice(0, axis).reduce((product, size) => product * size, 1), lines: length },
    operands: {
      x: perRows(x, sourceLength, inner, rowsOf),
      weights: perLineOfAll(weights, weights.stride),
      positions: perLineOfAll(positions, positions.stride),
      y: perLine(y, inner),
    },
    call: (part) => ({
      params: {
        invocations: (part.count * inner) / 4,
        source_length: sourceLength,
        length: part.lines,
        inner4: inner / 4,
        taps,
        taps_stride: weights.stride,
        first_source: part.isWhole ? 0 : rowsOf(part)[0],
      },
      grid: invocations((part.count * inner) / 4),
    }),
  });
  return y;
}

function imageShape(op: string, x: Tensor): ImageShape {
  checkAxes(op, "x", x, ["B", "H", "W", "C"]);
  return x.shape as ImageShape;
}

function checkSize(op: string, height: number, width: number): void {
  const isSize = (size: number) => Number.isInteger(size) && size > 0;
  if (!isSize(height) || !isSize(width)) throw new ShapeError(op, "size", [height, width], "whole numbers above 0");
}
