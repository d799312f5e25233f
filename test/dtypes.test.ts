import { describe, expect, it } from "vitest";
import { f16ToFloat32, float32ToBf16, float32ToF16, toFloat32 } from "../src/weights/dtypes.js";

const allHalves = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

/** The value of f16 bits by the definition in IEEE 754. */
function valueOfHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

describe("f16", () => {
  it("widens each of the 65536 patterns to its value", () => {
    const values = f16ToFloat32(allHalves);
    const wrong = [...allHalves].filter((bits) => !Object.is(values[bits], valueOfHalf(bits)));
    expect(wrong).toEqual([]);
  });

  it("comes back from f32 with the same bits, NaN payloads included", () => {
    expect(float32ToF16(f16ToFloat32(allHalves))).toEqual(allHalves);
  });

  it("rounds to nearest, ties to even, between each pair of neighbours", () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 0x7c00; bits++) {
      // The neighbour of the largest number, for rounding, is where the next exponent would start.
      const above = bits === 0x7bff ? 65536 : valueOfHalf(bits + 1);
      // A midpoint has one digit more than f16, and f32 has 13 more: the midpoint and its f32 neighbours are exact.
      const middle = (valueOfHalf(bits) + above) / 2;
      const [below, tie, beyond] = float32ToF16(Float32Array.of(...f32Neighbours(middle)));
      if (below !== bits || tie !== bits + (bits & 1) || beyond !== bits + 1) wrong.push(bits);
      const mirrored = float32ToF16(Float32Array.of(-middle))[0];
      if (mirrored !== (0x8000 | (bits + (bits & 1)))) wrong.push(-bits);
    }
    expect(wrong).toEqual([]);
  });

  it("rounds what is below half the smallest number to a zero of its sign", () => {
    expect([...float32ToF16(Float32Array.of(2 ** -26, -(2 ** -26), 1e-45, -0))]).toEqual([0, 0x8000, 0, 0x8000]);
  });
});

/** A positive f32 number with the f32 numbers next to it. */
function f32Neighbours(value: number): [number, number, number] {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!;
  const [below, above] = new Float32Array(Uint32Array.of(bits - 1, bits + 1).buffer);
  return [below!, value, above!];
}

describe("bf16", () => {
  it("is the upper half of f32, rounded to nearest, ties to even", () => {
    const words = Uint32Array.of(0x3f800000, 0x3f808000, 0x3f818000, 0x3f808001, 0x7f7fffff, 0x7f800001, 0xff800000);
    const halves = float32ToBf16(new Float32Array(words.buffer));
    expect([...halves]).toEqual([0x3f80, 0x3f80, 0x3f82, 0x3f81, 0x7f80, 0x7fc0, 0xff80]);
  });

  it("widens each of the 65536 patterns to an f32 that rounds back to it", () => {
    const back = float32ToBf16(toFloat32("BF16", new Uint8Array(allHalves.buffer)));
    // Rounding makes a signalling NaN quiet.
    const quiet = allHalves.map((bits) => ((bits & 0x7fff) > 0x7f80 ? bits | 0x40 : bits));
    expect(back).toEqual(quiet);
  });
});

describe("toFloat32", () => {
  it("reads every type, at any alignment", () => {
    const cases = [
      ["F64", Float64Array.of(-1.5, 0.1), [-1.5, Math.fround(0.1)]],
      ["F32", Float32Array.of(-1.5, 3), [-1.5, 3]],
      ["I64", BigInt64Array.of(-2n, 2n ** 40n), [-2, 2 ** 40]],
      ["I32", Int32Array.of(-2, 7), [-2, 7]],
      ["I16", Int16Array.of(-2, 7), [-2, 7]],
      ["I8", Int8Array.of(-2, 7), [-2, 7]],
      ["U8", Uint8Array.of(254, 7), [254, 7]],
      ["BOOL", Uint8Array.of(0, 1, 255), [0, 1, 1]],
    ] as const;
    for (const [dtype, values, expected] of cases) {
      const shifted = new Uint8Array(values.byteLength + 1);
      shifted.set(new Uint8Array(values.buffer), 1);
      expect([dtype, ...toFloat32(dtype, shifted.subarray(1))]).toEqual([dtype, ...expected]);
    }
  });
});
