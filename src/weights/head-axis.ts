import { padChannels } from "../tensor/dtype.js";

/**
 * An axis that consists of attention heads, side by side. On the GPU each head is padded with zeros to a multiple of 4,
 * because kernels read whole vec4s.
 */
export interface Heads {
  readonly heads: number;
  readonly dimHead: number;
}

/** Heads and the entries after them. */
interface HeadsAndRest extends Heads {
  /** Default 0. */
  readonly rest?: number;
}

/** An axis of a weight: its size, or its heads. */
export type Axis = number | HeadsAndRest;

/** Length of an axis in the file. */
export function fileSize(axis: Axis): number {
  return typeof axis === "number" ? axis : axis.heads * axis.dimHead + (axis.rest ?? 0);
}

/** Length of an axis on the GPU. */
export function storedSize(axis: Axis): number {
  return typeof axis === "number" ? axis : axis.heads * padChannels(axis.dimHead) + (axis.rest ?? 0);
}

/** Whether heads have padding between them on the GPU. */
export function isPadded(axis: Axis): boolean {
  return typeof axis !== "number" && axis.dimHead % 4 !== 0;
}

/** A run of entries along an axis: where it begins in the file and on the GPU. */
export interface AxisPart {
  readonly start: number;
  readonly size: number;
  readonly target: number;
  /** Entries of each head in the run; undefined if there is no padding between them. */
  readonly dimHead: number | undefined;
}

/** Cuts an axis into runs of about `most` entries. Each begins at a multiple of 4 on the GPU. */
export function partsOf(axis: Axis, most: number): readonly AxisPart[] {
  if (typeof axis === "number" || !isPadded(axis)) return runs({ size: fileSize(axis), most, quantum: 4 });
  const { heads, dimHead } = axis;
  const size = heads * dimHead;
  const inHeads = runs({ size, most, quantum: dimHead }).map((part) => ({
    ...part,
    target: (part.start / dimHead) * padChannels(dimHead),
    dimHead,
  }));
  const rest = runs({ size: axis.rest ?? 0, most, quantum: 4 }).map((part) => ({
    ...part,
    start: size + part.start,
    target: heads * padChannels(dimHead) + part.target,
  }));
  return [...inHeads, ...rest];
}

function runs({ size, most, quantum }: { size: number; most: number; quantum: number }): readonly AxisPart[] {
  const step = Math.max(1, Math.floor(most / quantum)) * quantum;
  return Array.from({ length: Math.ceil(size / step) }, (_, i) => ({
    start: i * step,
    size: Math.min(step, size - i * step),
    target: i * step,
    dimHead: undefined,
  }));
}

/** The values of a vector, with padding after each head. */
export function padAxis(values: Float32Array, axis: Axis): Float32Array {
  if (typeof axis === "number") return values;
  const padded = new Float32Array(storedSize(axis));
  for (const { start, size, target, dimHead } of partsOf(axis, values.length)) {
    const part = values.subarray(start, start + size);
    padded.set(dimHead === undefined ? part : padHeads(part, dimHead), target);
  }
  return padded;
}

/** Rows `[out, in, taps]` of a weight, with padding after each head of either axis. */
export function padRows(rows: Float32Array, { dimHead }: AxisPart, inputs: number | Heads, taps: number): Float32Array {
  const widened = typeof inputs === "number" ? rows : padHeads(rows, inputs.dimHead, taps);
  return dimHead === undefined ? widened : padHeads(widened, dimHead, storedSize(inputs) * taps);
}

/**
 * Heads of `dimHead` entries with `unit` values each, with zeros after each head. Returns the same array if no padding is
 * needed.
 */
function padHeads(values: Float32Array, dimHead: number, unit = 1): Float32Array {
  const [from, to] = [dimHead * unit, padChannels(dimHead) * unit];
  if (from === to) return values;
  const heads = values.length / from;
  const padded = new Float32Array(heads * to);
  for (let head = 0; head < heads; head++) padded.set(values.subarray(head * from, (head + 1) * from), head * to);
  return padded;
}
