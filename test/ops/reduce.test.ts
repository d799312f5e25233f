import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { quantile } from "../../src/ops/reduce.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import type { Arena } from "../../src/tensor/arena.js";
import { openTestArena, Random } from "../support/gpu.js";

/** torch.quantile(|x|, q) of one sample. There q, rank and result are f32. */
function torchQuantile(values: Float32Array, q: number): number {
  const sorted = values.map(Math.abs).sort();
  const position = Math.fround(Math.fround(q) * (sorted.length - 1));
  const below = Math.floor(position);
  const weight = position - below;
  return sorted[below]! * (1 - weight) + sorted[Math.ceil(position)]! * weight;
}

describe("quantile", () => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await openTestArena();
  });
  afterEach(() => arena.checkGuards());

  const random = new Random(51);

  /** The interpolation rounds a few times in f32; the elements themselves are exact. */
  async function expectQuantile(values: Float32Array, shape: readonly number[], q: number) {
    const y = quantile(arena.from(values, shape), q);
    expect(y.shape).toEqual([shape[0], 1]);
    const size = values.length / shape[0]!;
    const actual = await y.read();
    actual.forEach((value, sample) => {
      const expected = torchQuantile(values.subarray(sample * size, (sample + 1) * size), q);
      expect(Math.abs(value - expected)).toBeLessThanOrEqual(2e-7 * expected);
    });
  }

  const shapes = [
    [1, 1],
    [1, 2],
    [3, 5],
    [2, 768],
    [2, 8, 8, 3],
    [1, 31, 33, 3],
    [4, 16, 16, 4],
    [1, 128, 128, 3],
    [2, 3, 3, 6],
  ];
  const cases = shapes.flatMap((shape) => [0, 0.5, 0.9, 0.95, 1].map((q) => ({ shape, q })));

  test.each(cases)("$q of $shape", async ({ shape, q }) => {
    const size = shape.reduce((product, axis) => product * axis, 1);
    await expectQuantile(random.normals(size, 3), shape, q);
  });

  test("of values in the whole range of f32", async () => {
    const values = random.normals(2 * 999).map((value) => value * 10 ** random.integer(-30, 30));
    for (const q of [0.1, 0.777, 0.999]) await expectQuantile(values, [2, 999], q);
  });

  test("of many equal values", async () => {
    // Ranks inside, at the end of and between runs of equal elements.
    const values = Float32Array.from({ length: 100 }, (_, i) => (i < 40 ? 0 : i < 95 ? -1 : 2));
    for (const q of [0.2, 0.39, 0.395, 0.5, 0.945, 0.95, 0.99]) await expectQuantile(values, [1, 10, 10, 1], q);
  });

  test("of samples that differ in one element", async () => {
    const values = new Float32Array(3 * 64).fill(0.5);
    values[64] = 4;
    await expectQuantile(values, [3, 64], 0.995);
  });

  test("refuses arguments without a quantile", () => {
    const x = arena.from([1, 2], [1, 2]);
    expect(() => quantile(x, 1.5)).toThrow(/q is 1.5; expected a number from 0 to 1/);
    expect(() => quantile(x, NaN)).toThrow(ShapeError);
    expect(() => quantile(arena.from([], [1, 0]), 0.5)).toThrow(ShapeError);
    expect(() => quantile(arena.from([1, 2], [1, 2], "u32"), 0.5)).toThrow(/x is u32; expected f32/);
  });
});
