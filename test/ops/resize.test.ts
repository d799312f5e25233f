import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { resizeBicubic, resizeCubic, resizeNearest } from "../../src/ops/resize.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import type { Arena } from "../../src/tensor/arena.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import { expectClose, openTestArena, Random, testableTypes } from "../support/gpu.js";
import { floats, readTensors } from "../support/io.js";
import { build, reader } from "../support/nd.js";
import { rounded } from "../support/rounded.js";

const fixture = await readTensors(new URL("../fixtures/resize/io.safetensors", import.meta.url));

describe.each(await testableTypes())("resize in %s", (dtype: ComputeType) => {
  let arena: Arena;
  beforeAll(async () => {
    arena = await openTestArena(dtype);
  });
  afterEach(() => arena.checkGuards());

  const random = new Random(71);
  // f32: products and sums of up to 32 taps, and weights that the reference computes in f32 from coordinates up to 40.
  // f16: rounds the input, the image between the two passes, and the result.
  const close = { maxRelative: dtype === "f32" ? 5e-6 : 2e-3 };
  const size = (shape: readonly number[]) => shape.reduce((product, axis) => product * axis, 1);

  test.each([20, 32, 64, 13])("an image of 40 × 40 to %i pixels like the reference", async (target) => {
    const image = arena.fromNchw(floats(fixture, "in.image"), [1, 3, 40, 40]);
    const nearest = await arena.readNchw(resizeNearest(image, [target, target]));
    expect([...nearest]).toEqual([...rounded(floats(fixture, `out.nearest.${target}`), dtype)]);
    const cubic = await arena.readNchw(resizeCubic(image, [target, target]));
    expectClose(cubic, floats(fixture, `out.cubic.${target}`), close);
  });

  const cases = [
    { from: [1, 1, 1, 1], to: [3, 2] },
    { from: [2, 3, 5, 6], to: [6, 10] },
    { from: [2, 3, 5, 6], to: [7, 5] },
    { from: [1, 8, 12, 3], to: [5, 5] },
    { from: [2, 9, 4, 13], to: [3, 31] },
    { from: [1, 16, 16, 8], to: [16, 4] },
    { from: [1, 33, 2, 3], to: [4, 9] },
  ] as const;

  test.each(cases)("nearest from $from to $to", async ({ from, to }) => {
    const [batch, height, width, channels] = from;
    const values = rounded(random.normals(size(from)), dtype);
    const at = reader(values, from);
    const y = resizeNearest(arena.from(values, from), to);
    expect(y.shape).toEqual([batch, ...to, channels]);
    // torch multiplies in f32, which matters where a product is nearly whole.
    const source = (i: number, old: number, now: number) =>
      Math.min(Math.floor(Math.fround(i * Math.fround(old / now))), old - 1);
    const expected = build(y.shape, (b, h, w, c) => at(b, source(h, height, to[0]), source(w, width, to[1]), c));
    expect([...(await y.read())]).toEqual([...expected]);
  });

  const kinds = [
    { kind: "cubic", resize: resizeCubic, weightsOf },
    { kind: "bicubic", resize: resizeBicubic, weightsOf: insideWeightsOf },
  ] as const;
  const each = kinds.flatMap((kind) => cases.map((one) => ({ ...kind, ...one })));

  test.each(each)("$kind from $from to $to", async ({ resize, weightsOf: weights, from, to }) => {
    const [, height, width] = from;
    const values = rounded(random.normals(size(from)), dtype);
    const at = reader(values, from);
    const y = resize(arena.from(values, from), to);
    const [rows, columns] = [weights(height, to[0]), weights(width, to[1])];
    const expected = build([from[0], ...to, from[3]], (b, h, w, c) => {
      let sum = 0;
      for (let i = 0; i < height; i++)
        for (let j = 0; j < width; j++) sum += rows[h]![i]! * columns[w]![j]! * at(b, i, j, c);
      return sum;
    });
    expectClose(await y.read(), expected, close);
  });

  test("cubic and bicubic do not change an image of the right size", () => {
    const image = arena.from(new Float32Array(48), [1, 4, 4, 3]);
    expect(resizeCubic(image, [4, 4])).toBe(image);
    expect(resizeBicubic(image, [4, 4])).toBe(image);
  });

  test("refuses invalid sizes", () => {
    const image = arena.from(new Float32Array(48), [1, 4, 4, 3]);
    expect(() => resizeNearest(image, [0, 4])).toThrow(ShapeError);
    expect(() => resizeCubic(image, [4, 2.5])).toThrow(/resizeCubic: size is \[4, 2.5\]/);
    expect(() => resizeBicubic(image, [4, -1])).toThrow(/resizeBicubic: size is \[4, -1\]/);
    expect(() => resizeNearest(arena.from(new Float32Array(16), [4, 4]), [2, 2])).toThrow(ShapeError);
  });
});

/** Keys' cubic kernel with a = -0.5. */
function kernel(x: number): number {
  const d = Math.abs(x);
  if (d <= 1) return 1.5 * d ** 3 - 2.5 * d ** 2 + 1;
  return d <= 2 ? -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2 : 0;
}

/**
 * torch's taps of an axis as a matrix `[size][sourceSize]`: only taps inside of the source count. The kernel is 0 at the ends
 * of its support, so taps that torch leaves out there change nothing.
 */
function insideWeightsOf(sourceSize: number, size: number): number[][] {
  const scale = sourceSize / size;
  return Array.from({ length: size }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const row = Array.from({ length: sourceSize }, (_, j) => kernel((j + 0.5 - centre) / Math.max(scale, 1)));
    const total = row.reduce((sum, weight) => sum + weight, 0);
    return row.map((weight) => weight / total);
  });
}

/** resize-right's taps of an axis as a matrix `[size][sourceSize]`: taps outside of the source count as zero. */
function weightsOf(sourceSize: number, size: number): number[][] {
  return Array.from({ length: size }, (_, i) => {
    const scale = size / sourceSize;
    const stretch = Math.min(scale, 1);
    const centre = (i + 0.5) / scale - 0.5;
    const reach = Math.ceil(2 / stretch) + 1;
    const nearest = Math.round(centre);
    let total = 0;
    for (let at = nearest - reach; at <= nearest + reach; at++) total += kernel((centre - at) * stretch);
    return Array.from({ length: sourceSize }, (_, at) => kernel((centre - at) * stretch) / total);
  });
}
