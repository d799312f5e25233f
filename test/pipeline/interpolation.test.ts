import { expect, it } from "vitest";
import { difference, lengthOf, lerp, slerp } from "../../src/pipeline/scripts/interpolation.js";

const embedding = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) });

const a = embedding(3, 0, 0);
const b = embedding(0, 1, 0);

it("follows the arc with a linear angle and a linear length", () => {
  for (const position of [0.1, 0.25, 0.5, 0.9]) {
    const between = slerp(a, b, position);
    const [x = 0, y = 0, z] = between.data;
    expect(Math.atan2(y, x)).toBeCloseTo((position * Math.PI) / 2, 6);
    expect(lengthOf(between)).toBeCloseTo(3 - 2 * position, 6);
    expect(z).toBe(0);
  }
});

it("is exact at both ends", () => {
  const [p, q] = [embedding(0.1, -0.7, 0.33), embedding(0.5, 0.2, -0.9)];
  for (const path of [slerp, lerp]) {
    expect(path(p, q, 0)).toEqual(p);
    expect(path(p, q, 1)).toEqual(q);
  }
});

it("uses the line if there is no unique arc", () => {
  expect([...slerp(a, embedding(6, 0, 0), 0.5).data]).toEqual([4.5, 0, 0]);
  expect([...slerp(a, embedding(-1, 0, 0), 0.5).data]).toEqual([1, 0, 0]);
});

it("scales a difference to a length", () => {
  expect([...difference(a, b, 2).data].map((value) => value / 2)).toEqual(
    [-3, 1, 0].map((value) => expect.closeTo(value / Math.sqrt(10), 6) as number),
  );
});

it("rejects embeddings without direction, and shapes that differ", () => {
  expect(() => slerp(embedding(0, 0, 0), b, 0.5)).toThrow("An embedding of zeros has no direction");
  expect(() => difference(a, a, 1)).toThrow("the same embedding for both texts");
  expect(() => lerp(a, embedding(1), 0.5)).toThrow("the same shape, got [3] and [1]");
});
