import { ArgumentError } from "../../src/platform/arguments.js";
import { describe, expect, it } from "vitest";
import { cubicWeights, resizeCubicAntialias, resizeNearest } from "../../src/image/float-resize.js";
import { makeImage } from "../../src/image/image.js";
import type { RgbaImage } from "../../src/image/image.js";
import { resizeBicubic, resizeBilinear, resizeLanczos } from "../../src/image/pillow-resize.js";
import { bytes, floats, readTensors } from "../support/io.js";

const io = await readTensors(new URL("../fixtures/resize/io.safetensors", import.meta.url));
const planes = { count: 3, height: 40, width: 40, data: floats(io, "in.image") };

const maxError = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));

describe("Pillow's resizing", () => {
  const image = makeImage(40, 40, 3, bytes(io, "in.pil"));

  it.each([20, 64, 13])("LANCZOS to %i is exactly equal", (size) => {
    expect(resizeLanczos(image, size, size).data).toEqual(bytes(io, `out.pil_lanczos.${size}`));
  });

  it("does not change an axis that keeps its size, and returns the image if both do", () => {
    expect(resizeLanczos(image, 40, 40)).toBe(image);
    const flat = makeImage(2, 3, 3, new Uint8Array(18).fill(7));
    expect(resizeBicubic(flat, 2, 5)).toEqual(makeImage(2, 5, 3, new Uint8Array(30).fill(7)));
  });

  // Expected values: Pillow 12.3.0, Image.fromarray(...).resize((3, 2), ...) of these RGBA pixels.
  const rgba: RgbaImage = makeImage(
    4,
    3,
    4,
    Uint8Array.from({ length: 48 }, (_, i) => (i * 37 + (i % 4) * 11) % 256),
  );

  it.each([
    [
      "LANCZOS",
      resizeLanczos,
      [65, 85, 133, 147, 113, 75, 141, 81, 62, 117, 82, 111, 99, 116, 136, 144, 139, 122, 93, 104, 81, 137, 159, 160],
    ],
    [
      "BICUBIC",
      resizeBicubic,
      [61, 83, 134, 146, 106, 80, 139, 86, 70, 122, 85, 108, 100, 121, 131, 134, 131, 121, 100, 109, 80, 134, 157, 165],
    ],
    [
      "BILINEAR",
      resizeBilinear,
      [61, 84, 132, 142, 99, 85, 133, 92, 74, 122, 92, 110, 100, 121, 129, 130, 125, 122, 107, 112, 81, 130, 152, 162],
    ],
  ])("%s weights colours by alpha", (_, resize, expected) => {
    expect([...resize(rgba, 3, 2).data]).toEqual(expected);
  });

  it.each([0, -1, 1.5, NaN])("refuses the size %d", (size) => {
    expect(() => resizeLanczos(image, size, 20)).toThrow(ArgumentError);
  });
});

describe("the reference's resizing", () => {
  it.each([20, 32, 64, 13])("cubic to %i", (size) => {
    // The reference computes weights and sums in float32.
    expect(maxError(resizeCubicAntialias(planes, size, size), floats(io, `out.cubic.${size}`))).toBeLessThan(2e-6);
  });

  it.each([20, 32, 64, 13])("nearest to %i", (size) => {
    expect(maxError(resizeNearest(planes, size, size), floats(io, `out.nearest.${size}`))).toBe(0);
  });

  it("darkens only edges", () => {
    const { taps, weights } = cubicWeights(40, 20);
    const sums = Array.from({ length: 20 }, (_, i) =>
      weights.slice(i * taps, (i + 1) * taps).reduce((sum, weight) => sum + weight, 0),
    );
    expect(sums[10]).toBeCloseTo(1, 12);
    expect(sums[0]).toBeLessThan(1.1);
    expect(Math.abs(sums[0]! - 1)).toBeGreaterThan(0.01);
  });

  it("resizes each axis independently", () => {
    const wide = { count: 1, height: 1, width: 4, data: [1, 2, 3, 4] };
    expect([...resizeNearest(wide, 1, 2)]).toEqual([1, 3]);
    expect(resizeCubicAntialias(wide, 1, 2)).toHaveLength(2);
    expect(resizeCubicAntialias(wide, 1, 4)).toEqual(Float64Array.of(1, 2, 3, 4));
  });
});
