/**
 * Resizes float planes as the reference does between U-Nets and before CLIP (resize_image_to of DALLE2-pytorch):
 * nearest like torch's `interpolate`, cubic like resize-right 0.0.2. It computes in float64, so tests compare the
 * kernels with it. The kernels read the same tables.
 */

import { BICUBIC, tapsOf } from "./filters.js";

/**
 * Table that resizes one axis: each output is the sum of `weights[k] * input[indices[k]]` over `taps` consecutive
 * entries.
 */
export interface ResizeTable {
  readonly taps: number;
  /** `outSize` × `taps` indices, always inside the input. */
  readonly indices: Int32Array;
  /** `outSize` × `taps` weights; 0 if the tap is outside the input. */
  readonly weights: Float64Array;
}

/** Planes `[count, height, width]`, row-major. */
export interface Planes {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly data: ArrayLike<number>;
}

// resize-right compares in float32, where a whole number may be off by this much.
const EPSILON = 2 ** -23;

/**
 * Returns the table of Keys' cubic kernel (a = -0.5), stretched when shrinking (antialiased). Weights are normalised
 * over all taps, and taps outside the input count as zero, so edges get darker, as in the reference.
 * @see https://github.com/assafshocher/ResizeRight/blob/510d4d5b67dccf4efdee9f311ed42609a71f17c5/resize_right.py#L204-L214
 * @see https://github.com/assafshocher/ResizeRight/blob/510d4d5b67dccf4efdee9f311ed42609a71f17c5/interp_methods.py#L35-L43
 */
export function cubicWeights(inSize: number, outSize: number): ResizeTable {
  const scale = outSize / inSize;
  const stretch = Math.max(1 / scale, 1);
  const support = 4 * stretch;
  const taps = Math.ceil(support - EPSILON);
  const indices = new Int32Array(outSize * taps);
  const weights = new Float64Array(outSize * taps);
  for (let i = 0; i < outSize; i++) {
    const center = i / scale + (inSize - 1) / 2 - (outSize - 1) / (2 * scale);
    const first = Math.ceil(center - support / 2 - EPSILON);
    const raw = Array.from({ length: taps }, (_, k) => cubic((center - first - k) / stretch));
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    for (const [k, weight] of raw.entries()) {
      const index = first + k;
      const isInside = index >= 0 && index < inSize;
      // A tap outside adds nothing; it stays near the others, so that a part of the result needs only a part of the input.
      indices[i * taps + k] = Math.min(Math.max(index, 0), inSize - 1);
      weights[i * taps + k] = isInside ? weight / total : 0;
    }
  }
  return { taps, indices, weights };
}

function cubic(signed: number): number {
  const x = Math.abs(signed);
  if (x <= 1) return (1.5 * x - 2.5) * x * x + 1;
  return x <= 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/**
 * Returns the table of torch's `interpolate(mode="bicubic", antialias=True)`: the same kernel, but cut at the edges before
 * weights are normalised.
 */
export function bicubicWeights(inSize: number, outSize: number): ResizeTable {
  const rows = tapsOf(inSize, outSize, BICUBIC);
  const taps = Math.max(...rows.map(({ weights }) => weights.length));
  const indices = new Int32Array(outSize * taps);
  const weights = new Float64Array(outSize * taps);
  for (const [i, row] of rows.entries()) {
    weights.set(row.weights, i * taps);
    // Taps without a weight stay near the others, as in `cubicWeights`.
    for (let k = 0; k < taps; k++) indices[i * taps + k] = Math.min(row.first + k, inSize - 1);
  }
  return { taps, indices, weights };
}

/**
 * Resizes every plane with the cubic kernel. An axis that keeps its size does not change.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L161-L182
 * @see https://github.com/assafshocher/ResizeRight/blob/510d4d5b67dccf4efdee9f311ed42609a71f17c5/resize_right.py#L32-L123
 */
export function resizeCubicAntialias(planes: Planes, height: number, width: number): Float64Array {
  const { count } = planes;
  const tall =
    height === planes.height
      ? planes.data
      : applyTable(planes.data, cubicWeights(planes.height, height), count, planes.height, planes.width);
  if (width === planes.width) return Float64Array.from(tall);
  return applyTable(tall, cubicWeights(planes.width, width), count * height, planes.width, 1);
}

/** Resizes the middle axis of `[outer, size, inner]`. */
function applyTable(data: ArrayLike<number>, table: ResizeTable, outer: number, size: number, inner: number) {
  const { taps, indices, weights } = table;
  const outSize = indices.length / taps;
  const result = new Float64Array(outer * outSize * inner);
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < outSize; i++) {
      for (let x = 0; x < inner; x++) {
        let sum = 0;
        for (let k = i * taps; k < (i + 1) * taps; k++)
          sum += weights[k]! * data[(o * size + indices[k]!) * inner + x]!;
        result[at++] = sum;
      }
    }
  }
  return result;
}

/** Resizes every plane by nearest neighbour: each output is the input at or before its position. */
export function resizeNearest(planes: Planes, height: number, width: number): Float64Array {
  const rows = nearestIndices(planes.height, height);
  const columns = nearestIndices(planes.width, width);
  const result = new Float64Array(planes.count * height * width);
  let at = 0;
  for (let plane = 0; plane < planes.count; plane++) {
    for (const row of rows) {
      const start = (plane * planes.height + row) * planes.width;
      for (const column of columns) result[at++] = planes.data[start + column]!;
    }
  }
  return result;
}

/** torch computes the source index in float32. */
function nearestIndices(inSize: number, outSize: number): number[] {
  const scale = Math.fround(inSize / outSize);
  return Array.from({ length: outSize }, (_, i) => Math.min(Math.floor(Math.fround(i * scale)), inSize - 1));
}
