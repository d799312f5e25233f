import { afterAll, expect, it } from "vitest";
import { conv2d } from "../../src/ops/conv.js";
import { linear } from "../../src/ops/linear.js";
import { packRows } from "../../src/ops/pack.js";
import { Arena } from "../../src/tensor/arena.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { Random, sharedGpu } from "../support/gpu.js";

// Tensors that are larger than the adapter's own limit: lavapipe binds 128 MiB.
const gpu = await sharedGpu();
const arena = new Arena(gpu.stream());

afterAll(() => {
  gpu.dispose();
});

/** Value i of a tensor, in [-1, 1): any of them can be computed without the others. */
function valueAt(i: number): number {
  return ((Math.imul(i, 0x9e3779b1) >>> 8) & 0xffff) / 32768 - 1;
}

function packed(rows: Float32Array, shape: readonly number[], taps: number): Tensor {
  const [inputs = 1, outputs = 1] = shape.slice(-2);
  const weight = arena.packed(shape);
  // In pieces, like loading does.
  for (let firstRow = 0; firstRow < outputs; firstRow += 512) {
    const count = Math.min(512, outputs - firstRow);
    const piece = rows.subarray(firstRow * inputs * taps, (firstRow + count) * inputs * taps);
    using source = arena.from(piece, [piece.length]);
    packRows(source, weight, { firstRow, rows: count, inputs, taps });
  }
  return weight;
}

/** An input of Karlo's super-resolution at 256 pixels: 252 MB. */
it("convolves an image of 252 MB", async () => {
  const [size, inputs, outputs] = [256, 960, 4];
  const values = Float32Array.from({ length: size * size * inputs }, (_, i) => valueAt(i));
  const rows = new Random(1).normals(outputs * inputs * 9, 0.01);
  using x = arena.from(values, [1, size, size, inputs]);
  using weight = packed(rows, [3, 3, inputs, outputs], 9);
  using y = conv2d(x, weight, { padding: 1 });
  const result = await y.read();

  const expected = (row: number, column: number, output: number): number => {
    let sum = 0;
    for (let tap = 0; tap < 9; tap++) {
      const [i, j] = [row + Math.floor(tap / 3) - 1, column + (tap % 3) - 1];
      if (i < 0 || i >= size || j < 0 || j >= size) continue;
      for (let c = 0; c < inputs; c++) {
        sum += values[(i * size + j) * inputs + c]! * rows[(output * inputs + c) * 9 + tap]!;
      }
    }
    return sum;
  };
  // Every row of pixels, so also the first and last of each part.
  const random = new Random(2);
  for (let row = 0; row < size; row++) {
    for (const column of [0, random.integer(1, size - 2), size - 1]) {
      const output = random.integer(0, outputs - 1);
      // A sum of 8640 products of about 0.006.
      expect(result[(row * size + column) * outputs + output]).toBeCloseTo(expected(row, column, output), 4);
    }
  }
});

it("multiplies by a weight of 136 MB", async () => {
  const [inputs, outputs] = [8192, 4160];
  const values = Float32Array.from({ length: 2 * inputs }, (_, i) => valueAt(i));
  const rows = Float32Array.from({ length: outputs * inputs }, (_, i) => valueAt(i + 7));
  using x = arena.from(values, [2, inputs]);
  using weight = packed(rows, [inputs, outputs], 1);
  using y = linear(x, weight);
  const result = await y.read();
  for (let o = 0; o < outputs; o += 13) {
    let sum = 0;
    for (let k = 0; k < inputs; k++) sum += values[inputs + k]! * rows[o * inputs + k]!;
    // A sum of 8192 products of about 0.3.
    expect(result[outputs + o]).toBeCloseTo(sum, 2);
  }
});
