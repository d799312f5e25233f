import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { patches } from "../../src/ops/patches.js";
import { averagePool, meanToken } from "../../src/ops/pool.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import type { Arena } from "../../src/tensor/arena.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import { expectClose, openTestArena, Random, testableTypes } from "../support/gpu.js";
import { build, reader } from "../support/nd.js";
import { rounded } from "../support/rounded.js";

describe.each(await testableTypes())("windows in %s", (dtype: ComputeType) => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await openTestArena(dtype);
  });
  afterEach(() => arena.checkGuards());

  const random = new Random(47);
  // A sum of n values has at most n roundings, 6e-8 each in f32; f16 rounds the mean once, 2^-11.
  const close = { maxRelative: dtype === "f32" ? 1e-6 : 5e-4 };

  function make(shape: readonly number[]) {
    const size = shape.reduce((product, axis) => product * axis, 1);
    const values = rounded(random.normals(size), dtype);
    return { tensor: arena.from(values, shape), at: reader(values, shape) };
  }

  function mean(count: number, at: (i: number) => number): number {
    return Array.from({ length: count }, (_, i) => at(i)).reduce((sum, value) => sum + value, 0) / count;
  }

  // Batch, height, width, channels, window. The third case ignores a row and a column.
  test.each([
    [1, 2, 2, 4, [2, 2]],
    [2, 6, 4, 5, [2, 2]],
    [1, 5, 7, 8, [2, 2]],
    [3, 6, 6, 3, [3, 2]],
    [2, 4, 3, 16, [4, 3]],
  ] as const)("the mean over windows of [%i, %i, %i, %i], %j", async (b, h, w, c, [height, width]) => {
    const { tensor, at } = make([b, h, w, c]);
    const expected = build([b, Math.floor(h / height), Math.floor(w / width), c], (n, i, j, k) =>
      mean(height * width, (m) => at(n, i * height + Math.floor(m / width), j * width + (m % width), k)),
    );
    expectClose(await averagePool(tensor, [height, width]).read(), expected, close);
  });

  test.each([
    [1, 1, 4],
    [2, 9, 6],
    [3, 50, 16],
  ])("the mean of the tokens of [%i, %i, %i]", async (batch, length, channels) => {
    const { tensor, at } = make([batch, length, channels]);
    const y = meanToken(tensor);
    expect(y.shape).toEqual([batch, 1, channels]);
    const expected = build([batch, 1, channels], (b, _, c) => mean(length, (l) => at(b, l, c)));
    expectClose(await y.read(), expected, close);
  });

  test.each([
    [1, 4, 4, 3, 2],
    [2, 6, 9, 1, 3],
    [1, 8, 4, 5, 4],
    [2, 3, 3, 4, 1],
  ])("patches of [%i, %i, %i, %i] with %i pixels a side", async (b, h, w, c, size) => {
    const { tensor, at } = make([b, h, w, c]);
    const columns = w / size;
    const shape = [b, (h / size) * columns, size * size * c];
    const expected = build(shape, (n, token, e) => {
      const place = Math.floor(e / c);
      const y = Math.floor(token / columns) * size + Math.floor(place / size);
      return at(n, y, (token % columns) * size + (place % size), e % c);
    });
    const y = patches(tensor, size);
    expect(y.shape).toEqual(shape);
    expect([...(await y.read())]).toEqual([...expected]);
  });

  test("refuses windows that do not fit", () => {
    const { tensor } = make([1, 3, 4, 4]);
    expect(() => averagePool(tensor, [4, 4])).toThrow(ShapeError);
    expect(() => patches(tensor, 2)).toThrow(ShapeError);
  });
});
