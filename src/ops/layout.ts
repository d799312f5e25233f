import { ALIGNMENT } from "../gpu/pool.js";
import { bytesPerElement, type ComputeType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkAxes, checkShape, floatType, sameShape } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { operand, perLine, type Part, type Space, type Span } from "./parts.js";
import { ShapeError } from "./shape-error.js";

/**
 * The same range in every row of the storage of a tensor, in elements. A row has the channels of one position, or a
 * whole sample.
 */
interface Ranges {
  readonly tensor: Tensor;
  /** Distance between rows; 0 repeats one row. */
  readonly stride: number;
  readonly start?: number;
}

interface CopyOptions {
  readonly scale?: number;
  /** Elements written per row; those beyond `size` are zero. Default: `size`. */
  readonly written?: number;
}

/**
 * Copies the range of every row of `source`. Samples of the result are rows; the lines of a row are the vec4s that are
 * written.
 */
function copyRanges(rows: number, size: number, source: Ranges, target: Ranges, options: CopyOptions = {}): void {
  const { tensor: x, start: sourceStart = 0 } = source;
  const { tensor: y, start: targetStart = 0 } = target;
  const { scale = 1, written = size } = options;
  const shift = targetStart % 4;
  const space: Space = { samples: rows, lines: Math.ceil((shift + written) / 4) };
  /** The elements of the range before the vec4s of a part. */
  const before = ({ isWhole, line }: Part): number => (isWhole ? 0 : Math.min(size, Math.max(0, 4 * line - shift)));
  const read = operandOf(source, (part) => {
    const skipped = before(part);
    const most = part.isWhole ? size : 4 * part.lines;
    return { start: sourceStart + skipped, end: sourceStart + Math.min(skipped + most, size) };
  });
  const write = operandOf(target, ({ isWhole, line, lines }) => {
    const start = targetStart - shift + (isWhole ? 0 : 4 * line);
    // The first of the vec4s also has elements before the range.
    return { start: isWhole || line === 0 ? start + shift : start, end: start + 4 * lines };
  });
  dispatch(x.arena.stream, "copy", {
    op: "copy",
    types: { Source: floatType("copy", "x", x), Target: floatType("copy", "y", y) },
    overrides: { ALIGNED: sourceStart % 4 === 0 && targetStart % 4 === 0 },
    space,
    operands: { x: read.operand, y: write.operand },
    call: (part) => ({
      params: {
        invocations: part.count,
        columns4: part.lines,
        source_stride4: source.stride / 4,
        target_stride4: target.stride / 4,
        source_start: read.startIn(part),
        target_start: write.startIn(part),
        size: size - before(part),
        scale,
      },
      grid: invocations(part.count),
    }),
  });
}

/**
 * An operand that is a range of each row of a part, and where in what is bound the range begins. What is bound begins where a
 * binding may begin, so nothing need be copied.
 */
function operandOf({ tensor, stride }: Ranges, rangeOf: (part: Part) => Span) {
  const quantum = ALIGNMENT / bytesPerElement(tensor.dtype);
  const bound = (part: Part): Span => {
    const { start, end } = rangeOf(part);
    const first = part.sample * stride + start;
    const isFirst = part.isWhole && part.sample === 0;
    return {
      // If nothing is split, the whole tensor is bound.
      start: isFirst ? 0 : first - (first % quantum),
      end: 4 * Math.ceil(((part.sample + part.samples - 1) * stride + end) / 4),
    };
  };
  const startIn = (part: Part): number => part.sample * stride + rangeOf(part).start - bound(part).start;
  return { operand: operand(tensor, (part) => [bound(part)]), startIn };
}

/** Joins `[..., Ci]` to `[..., ΣCi]`; tensor i is multiplied by `scales[i]`, by default 1. */
export function concatChannels(tensors: readonly Tensor[], scales: readonly number[] = []): Tensor {
  const { first, outer } = commonOf("concatChannels", tensors, (shape) => shape.slice(0, -1));
  const channels = tensors.reduce((sum, x) => sum + x.channels, 0);
  const y = output("concatChannels", first, [...outer, channels]);
  const [a, b] = tensors;
  if (a && b && tensors.length === 2 && a.channels % 4 === 0) {
    concatTwo(a, b, y, scales);
    return y;
  }
  let start = 0;
  tensors.forEach((x, i) => {
    const target = { tensor: y, stride: y.stride, start };
    copyRanges(x.rows, x.channels, { tensor: x, stride: x.stride }, target, { scale: scales[i] ?? 1 });
    start += x.channels;
  });
  return y;
}

/** Joins two tensors in one launch. The channels of `a` are whole vec4s. */
function concatTwo(a: Tensor, b: Tensor, y: Tensor, [scaleA = 1, scaleB = 1]: readonly number[]): void {
  const channels4 = y.stride / 4;
  dispatch(y.arena.stream, "concat", {
    op: "concatChannels",
    types: { Element: floatType("concatChannels", "tensors", a) },
    space: { samples: 1, lines: y.rows },
    operands: { a: perLine(a), b: perLine(b), y: perLine(y) },
    call: ({ lines }) => ({
      params: {
        invocations: lines * channels4,
        channels4,
        a_channels4: a.stride / 4,
        scale_a: scaleA,
        scale_b: scaleB,
      },
      grid: invocations(lines * channels4),
    }),
  });
}

/** Joins token sequences `[B, Li, C]` to `[B, ΣLi, C]`. */
export function concatTokens(tensors: readonly Tensor[]): Tensor {
  for (const x of tensors) checkAxes("concatTokens", "tensors", x, ["B", "L", "C"]);
  const { first, outer } = commonOf("concatTokens", tensors, ([batch, , channels]) => [batch!, channels!]);
  const [batch, channels] = outer as [number, number];
  const length = tensors.reduce((sum, x) => sum + x.shape[1]!, 0);
  const y = output("concatTokens", first, [batch, length, channels]);
  let start = 0;
  for (const x of tensors) {
    const size = sampleSize(x);
    copyRanges(batch, size, { tensor: x, stride: size }, { tensor: y, stride: sampleSize(y), start });
    start += size;
  }
  return y;
}

/** Returns the channels `start` (included) to `end` (excluded) of `[..., C]`. */
export function sliceChannels(x: Tensor, start: number, end: number): Tensor {
  checkRange("sliceChannels", x, x.shape.length - 1, start, end);
  const y = output("sliceChannels", x, [...x.shape.slice(0, -1), end - start]);
  copyRanges(x.rows, end - start, { tensor: x, stride: x.stride, start }, { tensor: y, stride: y.stride });
  return y;
}

/**
 * Splits `[B, count · C]` into `count` tokens, `[B, count, C]`. Copies only if C is not a multiple of 4, because rows
 * then have padding.
 */
export function splitChannels(x: Tensor, count: number): Tensor {
  checkAxes("splitChannels", "x", x, ["B", "count · C"]);
  const [batch, all] = x.shape as [number, number];
  const channels = all / count;
  if (count === 1 || channels % 4 === 0) return x.reshape([batch, count, channels]);
  return x.arena.scope(() =>
    concatTokens(
      Array.from({ length: count }, (_, i) =>
        sliceChannels(x, i * channels, (i + 1) * channels).reshape([batch, 1, channels]),
      ),
    ),
  );
}

/** Returns the tokens `start` (included) to `end` (excluded) of `[B, L, C]`. */
export function sliceTokens(x: Tensor, start: number, end: number): Tensor {
  checkAxes("sliceTokens", "x", x, ["B", "L", "C"]);
  checkRange("sliceTokens", x, 1, start, end);
  const [batch, , channels] = x.shape as [number, number, number];
  const y = output("sliceTokens", x, [batch, end - start, channels]);
  const source = { tensor: x, stride: sampleSize(x), start: start * x.stride };
  copyRanges(batch, sampleSize(y), source, { tensor: y, stride: sampleSize(y) });
  return y;
}

/** Appends zero tokens to `[B, L, C]` up to `length` tokens. */
export function padTokens(x: Tensor, length: number): Tensor {
  checkAxes("padTokens", "x", x, ["B", "L", "C"]);
  const [batch, tokens, channels] = x.shape as [number, number, number];
  if (length < tokens) throw new ShapeError("padTokens", "x", x.shape, `at most ${length} tokens`);
  const y = output("padTokens", x, [batch, length, channels]);
  const source = { tensor: x, stride: sampleSize(x) };
  copyRanges(batch, sampleSize(x), source, { tensor: y, stride: sampleSize(y) }, { written: sampleSize(y) });
  return y;
}

/** Writes tokens `[B, N, C]` over those of `target` `[B, L, C]` from token `start` on. */
export function writeTokens(target: Tensor, x: Tensor, start: number): void {
  checkAxes("writeTokens", "x", x, ["B", "N", "C"]);
  const [batch, tokens, channels] = x.shape as [number, number, number];
  checkRange("writeTokens", target, 1, start, start + tokens);
  checkShape("writeTokens", "target", target, [batch, target.shape[1]!, channels]);
  const size = sampleSize(x);
  const place = { tensor: target, stride: sampleSize(target), start: start * x.stride };
  copyRanges(batch, size, { tensor: x, stride: size }, place);
}

/** Writes `[..., N]` over the channels of `target` `[..., C]` from channel `start` on. */
export function writeChannels(target: Tensor, x: Tensor, start: number): void {
  const { channels } = x;
  checkRange("writeChannels", target, target.shape.length - 1, start, start + channels);
  checkShape("writeChannels", "target", target, [...x.shape.slice(0, -1), target.channels]);
  copyRanges(x.rows, channels, { tensor: x, stride: x.stride }, { tensor: target, stride: target.stride, start });
}

/** Repeats the whole batch: `[B, ...]` to `[times · B, ...]`, for example `[x; x]`. */
export function repeatBatch(x: Tensor, times: number): Tensor {
  checkSamples("repeatBatch", x);
  const y = output("repeatBatch", x, [times * x.shape[0]!, ...x.shape.slice(1)]);
  const size = x.rows * x.stride;
  copyRanges(times, size, { tensor: x, stride: 0 }, { tensor: y, stride: size });
  return y;
}

/** Joins the batches `[B1, ...]` and `[B2, ...]`. */
export function concatBatch(a: Tensor, b: Tensor): Tensor {
  checkSamples("concatBatch", a);
  const sample = a.shape.slice(1);
  if (b.shape.slice(1).join() !== sample.join()) throw new ShapeError("concatBatch", "b", b.shape, ["B", ...sample]);
  const y = output("concatBatch", a, [a.shape[0]! + b.shape[0]!, ...sample]);
  let start = 0;
  for (const x of [a, b]) {
    const size = x.rows * x.stride;
    copyRanges(1, size, { tensor: x, stride: 0 }, { tensor: y, stride: 0, start });
    start += size;
  }
  return y;
}

/** Repeats `[1, ...]` to `[batch, ...]`. */
export function broadcastBatch(x: Tensor, batch: number): Tensor {
  if (x.shape[0] !== 1) throw new ShapeError("broadcastBatch", "x", x.shape, [1, "..."]);
  return repeatBatch(x, batch);
}

/** Returns the samples `start` (included) to `end` (excluded) of `[B, ...]`. */
export function selectBatch(x: Tensor, start: number, end: number): Tensor {
  checkSamples("selectBatch", x);
  checkRange("selectBatch", x, 0, start, end);
  const y = output("selectBatch", x, [end - start, ...x.shape.slice(1)]);
  const source = { tensor: x, stride: 0, start: start * sampleSize(x) };
  copyRanges(1, y.rows * y.stride, source, { tensor: y, stride: 0 });
  return y;
}

/** Converts a tensor to `dtype` (f16 rounds). Returns `x` itself, without a copy, if it already has this dtype. */
export function cast(x: Tensor, dtype: ComputeType): Tensor {
  if (x.dtype === dtype) return x;
  const y = output("cast", x, x.shape, dtype);
  copyRanges(1, x.rows * x.stride, { tensor: x, stride: 0 }, { tensor: y, stride: 0 });
  return y;
}

function output(op: string, x: Tensor, shape: readonly number[], dtype: ComputeType = floatType(op, "x", x)): Tensor {
  return x.arena.empty(shape, dtype);
}

/** Returns the number of elements of one sample in storage. */
function sampleSize(x: Tensor): number {
  return x.shape.slice(1, -1).reduce((product, size) => product * size, x.stride);
}

/** Returns the shape that all joined tensors have in common; throws `ShapeError` if they differ. */
function commonOf(op: string, tensors: readonly Tensor[], outerOf: (shape: readonly number[]) => readonly number[]) {
  const [first] = tensors;
  if (!first) throw new ShapeError(op, "tensors", "an empty list", "at least one tensor");
  const outer = outerOf(first.shape);
  tensors.forEach((x, i) => {
    if (!sameShape(outerOf(x.shape), outer) || x.dtype !== first.dtype) {
      const [got, expected] = [x, first].map(({ dtype, shape }) => `${dtype} [${shape.join(", ")}]`);
      throw new ShapeError(op, `tensors[${i}]`, got!, `${expected!} as for tensors[0], except the joined axis`);
    }
  });
  return { first, outer };
}

function checkSamples(op: string, x: Tensor): void {
  if (x.shape.length < 2) throw new ShapeError(op, "x", x.shape, ["B", "...", "C"]);
}

function checkRange(op: string, x: Tensor, axis: number, start: number, end: number): void {
  const size = x.shape[axis]!;
  const isWithin = Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= size;
  if (!isWithin)
    throw new ShapeError(op, "range", `${start} to ${end}`, `a range within axis ${axis}, of size ${size}`);
}
