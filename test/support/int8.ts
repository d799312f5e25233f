import { expect } from "vitest";
import { padChannels } from "../../src/tensor/dtype.js";
import type { Tensor } from "../../src/tensor/tensor.js";

/** A weight in int8, as the kernels read it. */
export interface Decoded {
  /** Whole numbers in torch's layout, `[out, in, taps]`; of a transposed weight `[in, out, taps]`. */
  readonly whole: Float32Array;
  /** Whole numbers, each times the scale of its output. */
  readonly values: Float32Array;
  readonly scales: Float32Array;
}

/** Decodes a packed weight that is one panel, `[..., in, out]`, or transposed `[4, 4, out, in]`. */
export async function decodeInt8({ arena, shape, storage }: Tensor, isTransposed = false): Promise<Decoded> {
  const [rows = 1, columns = 1] = shape.slice(-2);
  const taps = shape.slice(0, -2).reduce((product, size) => product * size, 1);
  const [stride, size] = [padChannels(columns), padChannels(rows) * padChannels(columns)];
  const outputs = isTransposed ? rows : columns;
  const bytes = await arena.stream.read(storage, taps * size + 4 * padChannels(outputs));
  const stored = new Int8Array(bytes, 0, taps * size);
  const scales = new Float32Array(bytes.slice(taps * size), 0, outputs);
  const whole = new Float32Array(rows * columns * taps);
  const values = new Float32Array(whole.length);
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      for (let tap = 0; tap < taps; tap++) {
        const at = (column * rows + row) * taps + tap;
        whole[at] = stored[tap * size + row * stride + column]!;
        values[at] = whole[at] * scales[isTransposed ? row : column]!;
      }
    }
  }
  return { whole, values, scales };
}

/**
 * Expects the nearest whole multiples of largest weight / 127, for each output. `values` are in the same layout; `output` returns
 * the output of one.
 */
export function expectNearest(
  { whole, scales }: Decoded,
  values: ArrayLike<number>,
  output: (at: number) => number,
): void {
  const largest = new Float64Array(scales.length);
  for (let at = 0; at < values.length; at++) {
    largest[output(at)] = Math.max(largest[output(at)]!, Math.abs(values[at]!));
  }
  // Division on a GPU may be off by 2.5 units in the last place (WGSL).
  const slack = 4e-7;
  for (const [o, scale] of scales.entries()) {
    expect(Math.abs(scale - largest[o]! / 127)).toBeLessThanOrEqual((largest[o]! / 127) * slack);
  }
  expect(whole.every((value) => Number.isInteger(value))).toBe(true);
  const distances = whole.map((value, at) => {
    const most = largest[output(at)]!;
    return Math.abs(value - (most === 0 ? 0 : (values[at]! * 127) / most));
  });
  expect(whole).toHaveLength(values.length);
  expect(Math.max(...distances)).toBeLessThanOrEqual(0.5 + 127 * slack);
}
