import { afterAll, describe, expect, it } from "vitest";
import { packRows, sourceOf, type SourceFormat } from "../../src/ops/pack.js";
import { Arena } from "../../src/tensor/arena.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import { float32ToF16 } from "../../src/tensor/half.js";
import { toFloat32 } from "../../src/weights/dtypes.js";
import { sharedGpu, testableTypes } from "../support/gpu.js";

const gpu = await sharedGpu();

afterAll(() => {
  gpu.dispose();
});

/** All numbers of 16 bits. */
const ALL_16 = new Uint16Array(Uint16Array.from({ length: 65536 }, (_, bits) => bits));

/** Floats at and beside each half, and between each two: the cases of rounding. */
function aroundHalves(): Float32Array {
  const halves = new Uint32Array(toFloat32("F16", new Uint8Array(ALL_16.buffer)).buffer).filter(
    (bits) => (bits & 0x7fffffff) <= 0x7f800000,
  );
  const between = halves.filter((bits) => (bits & 0x7fffffff) < 0x477fe000).map((bits) => bits + 0x1000);
  const around = [halves, between].flatMap((all) => [...all].flatMap((bits) => [bits - 1, bits, bits + 1]));
  // Steps of 16 between the words keep the test short; each case remains.
  const words = Uint32Array.from(around.filter((bits, i) => i % 16 < 3 && (bits & 0x7fffffff) <= 0x7f800000));
  return new Float32Array(words.slice(0, words.length - (words.length % 4)).buffer);
}

/** Packs a column of values, and reads it. */
async function packed(bytes: Uint8Array, format: SourceFormat, count: number, dtype: "f32" | "f16") {
  using stream = gpu.stream();
  const arena = new Arena(stream, dtype);
  const weight = arena.packed([1, count]);
  arena.scope(() => {
    packRows(sourceOf(arena, bytes, format), weight, { firstRow: 0, rows: count, inputs: 1, taps: 1, format });
  });
  const values = await arena.read(weight);
  weight.dispose();
  return values;
}

describe.each(await testableTypes())("weights packed in %s", (dtype: ComputeType) => {
  /** The value that is stored. */
  const stored = (values: Float32Array): Float32Array =>
    dtype === "f16" ? toFloat32("F16", new Uint8Array(float32ToF16(values).buffer)) : values;

  it("keep each f16 number", async () => {
    const bytes = new Uint8Array(ALL_16.buffer);
    const expected = toFloat32("F16", bytes);
    expect(await packed(bytes, "F16", 65536, dtype)).toEqual(expected);
  });

  it("have each bf16 number, rounded to nearest even", async () => {
    const bytes = new Uint8Array(ALL_16.buffer);
    // Numbers below the smallest normal one are left out: devices may flush them to zero.
    const expected = stored(toFloat32("BF16", bytes));
    const actual = await packed(bytes, "BF16", 65536, dtype);
    const differs = (value: number, bits: number): boolean =>
      (bits & 0x7f80) !== 0 && !Object.is(value, expected[bits]);
    expect(actual.findIndex(differs)).toBe(-1);
  });

  it("have f32 numbers, rounded to nearest even", async () => {
    const values = aroundHalves();
    const expected = stored(values);
    const actual = await packed(new Uint8Array(values.buffer), "F32", values.length, dtype);
    expect(actual.findIndex((value, i) => !Object.is(value, expected[i]))).toBe(-1);
  });
});

it("takes an odd number of halves", async () => {
  const bytes = new Uint8Array(float32ToF16(Float32Array.of(1, 2, -3)).buffer);
  expect([...(await packed(bytes, "F16", 3, "f32"))]).toEqual([1, 2, -3]);
});
