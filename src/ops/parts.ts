import { GpuLimitError } from "../gpu/errors.js";
import { ALIGNMENT } from "../gpu/pool.js";
import type { StorageRange } from "../gpu/storage.js";
import { bytesPerElement } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * A part of an operation's result. A result has samples, and each sample has lines: rows of an image, tokens, vec4s, or
 * what else can be computed independently. A part is whole samples, or some lines of one sample.
 */
export interface Part {
  readonly sample: number;
  readonly samples: number;
  readonly line: number;
  readonly lines: number;
  /** The first line and the number of lines, counted over all samples. */
  readonly first: number;
  readonly count: number;
  /** Whether it has all lines of its samples. */
  readonly isWhole: boolean;
}

/** Elements `start` to `end` of the storage of a tensor. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The storage of a tensor, which is bound if nothing is split, and what a part of the result uses of it. */
export interface Operand extends StorageRange {
  /** Bytes of an element. */
  readonly elementBytes: number;
  /** If there are several, the kernel gets them joined. */
  readonly spans: (part: Part) => readonly Span[];
}

/** An operand of which a part uses `spans`. */
export function operand(tensor: Tensor, spans: Operand["spans"]): Operand;
export function operand(tensor: Tensor | undefined, spans: Operand["spans"]): Operand | undefined;
export function operand(tensor: Tensor | undefined, spans: Operand["spans"]): Operand | undefined {
  if (!tensor) return undefined;
  const { storage, dtype } = tensor;
  return { storage, offset: 0, byteLength: storage.byteLength, elementBytes: bytesPerElement(dtype), spans };
}

/** `size` elements for each line, in the order of the lines. */
export function perLine(tensor: Tensor, size?: number): Operand;
export function perLine(tensor: Tensor | undefined, size?: number): Operand | undefined;
export function perLine(tensor: Tensor | undefined, size = tensor?.stride ?? 0): Operand | undefined {
  return operand(tensor, ({ first, count }) => [{ start: first * size, end: (first + count) * size }]);
}

/** `size` elements for each sample. */
export function perSample(tensor: Tensor | undefined, size: number): Operand | undefined {
  return operand(tensor, ({ sample, samples }) => [{ start: sample * size, end: (sample + samples) * size }]);
}

/** `size` elements for each line, the same in every sample. */
export function perLineOfAll(tensor: Tensor | undefined, size: number): Operand | undefined {
  return operand(tensor, ({ line, lines }) => [{ start: line * size, end: (line + lines) * size }]);
}

/** First and last (excluded) row of an input that lines of a sample read. */
export type RowsOf = (part: Part) => readonly [from: number, to: number];

/**
 * Samples of `rows` rows of `size` elements. A part of a sample reads the rows that `rowsOf` returns; whole samples are read
 * whole.
 */
export function perRows(tensor: Tensor, rows: number, size: number, rowsOf: RowsOf): Operand {
  return operand(tensor, (part) => {
    const [from, to] = part.isWhole ? [0, rows] : rowsOf(part);
    const last = part.sample + part.samples - 1;
    return [{ start: (part.sample * rows + from) * size, end: (last * rows + to) * size }];
  });
}

/** The rows of chunks of `size` rows; the last chunk may have fewer. */
export function chunkedRows(rows: number, size: number): RowsOf {
  return ({ line, lines }) => [line * size, Math.min((line + lines) * size, rows)];
}

/** The number of rows of a range. */
export function rowsIn([from, to]: readonly [from: number, to: number]): number {
  return to - from;
}

/** The same elements for every part. */
export function fixedSpan(tensor: Tensor, span: Span): Operand {
  return operand(tensor, () => [span]);
}

/** Samples and lines of a result. */
export interface Space {
  readonly samples: number;
  readonly lines: number;
}

function partOf(space: Space, sample: number, samples: number, line: number, lines: number): Part {
  return {
    sample,
    samples,
    line,
    lines,
    first: sample * space.lines + line,
    count: samples * lines,
    isWhole: lines === space.lines,
  };
}

/** All of a result. */
export function wholeOf(space: Space): Part {
  return partOf(space, 0, space.samples, 0, space.lines);
}

/** Bytes that a part uses of a tensor. */
function bytesOf({ spans, elementBytes }: Operand, part: Part): number {
  return spans(part).reduce((sum, { start, end }) => sum + Math.max(0, end - start), 0) * elementBytes;
}

/** Whether what a part uses of a tensor begins where a binding may begin. */
function isAligned({ spans, elementBytes }: Operand, part: Part): boolean {
  const [span, ...others] = spans(part);
  return others.length > 0 || !span || (span.start * elementBytes) % ALIGNMENT === 0;
}

/** Lines, counted back from the most that fit, among which one begins a part whose operands are all aligned. */
const ALIGNED_WITHIN = 32;

/**
 * Divides a result into parts that use at most `limit` bytes of each operand: whole samples, or if not even one fits, lines of
 * one sample. Throws `GpuLimitError` if not even one line fits. `op` is the name of the operation.
 */
export function partsOf(op: string, space: Space, operands: readonly Operand[], limit: number): readonly Part[] {
  const parts: Part[] = [];
  const fits = (part: Part): boolean => operands.every((operand) => bytesOf(operand, part) <= limit);
  const aligned = (part: Part): boolean => operands.every((operand) => isAligned(operand, part));
  for (let sample = 0; sample < space.samples;) {
    const from = sample;
    const samples = largest(
      space.samples - from,
      (n) => fits(partOf(space, from, n, 0, space.lines)),
      (n) => aligned(partOf(space, from + n, 1, 0, space.lines)),
    );
    if (samples > 0) parts.push(partOf(space, from, samples, 0, space.lines));
    for (let line = 0; samples === 0 && line < space.lines;) {
      const start = line;
      const lines = largest(
        space.lines - start,
        (n) => fits(partOf(space, from, 1, start, n)),
        (n) => aligned(partOf(space, from, 1, start + n, 1)),
      );
      if (lines === 0) throw cannotSplit(op, partOf(space, from, 1, start, 1), operands, limit);
      parts.push(partOf(space, from, 1, start, lines));
      line += lines;
    }
    sample += Math.max(1, samples);
  }
  return parts;
}

/**
 * Returns the largest n up to `most` that `fits`; 0 if not even 1 does. If that is not all, rather a slightly smaller one after
 * which the next part is `aligned`.
 */
function largest(most: number, fits: (n: number) => boolean, aligned: (n: number) => boolean): number {
  if (fits(most)) return most;
  let [low, high] = [0, most];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  for (let n = low; n > Math.max(0, low - ALIGNED_WITHIN); n--) if (aligned(n)) return n;
  return low;
}

function cannotSplit(op: string, part: Part, operands: readonly Operand[], limit: number): GpuLimitError {
  const largest = operands.find((one) => bytesOf(one, part) > limit)!;
  const { label } = largest.storage;
  return new GpuLimitError(
    `${op} cannot be split further: it needs ${bytesOf(largest, part)} bytes of ${label} in one binding, but this adapter allows only ${limit} (maxStorageBufferBindingSize).`,
    { advice: "Use a smaller image size, or an adapter with a larger limit.", place: { operation: op } },
  );
}
