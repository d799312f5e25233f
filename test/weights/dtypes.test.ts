import { describe, expect, it } from "vitest";
import { f16ToFloat32, float32ToF16 } from "../../src/tensor/half.js";
import { float32ToBf16, toFloat32 } from "../../src/weights/dtypes.js";

const allHalves = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

/** The value of f16 bits by the definition in IEEE 754. */
function valueOfHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

describe("floats of 8 bits", () => {
  const all = Uint8Array.from({ length: 256 }, (_, bits) => bits);

  it("E5M2 is the upper half of f16", () => {
    const expected = f16ToFloat32(Uint16Array.from(all, (bits) => bits << 8));
    expect(toFloat32("F8_E5M2", all)).toEqual(expected);
  });

  it("E4M3 has 448 as its largest value, and NaN if all bits are set", () => {
    const values = toFloat32("F8_E4M3", all);
    expect([values[0], values[1], values[0x38], values[0x7e], values[0xfe]]).toEqual([0, 2 ** -9, 1, 448, -448]);
    expect([values[0x7f], values[0xff]]).toEqual([NaN, NaN]);
    expect(values.filter((value) => !Number.isFinite(value))).toHaveLength(2);
    expect(Object.is(values[0x80], -0)).toBe(true);
  });

  it("FNUZ have half the value, and NaN for the negative zero", () => {
    const [e4m3, e5m2] = [toFloat32("F8_E4M3FNUZ", all), toFloat32("F8_E5M2FNUZ", all)];
    expect([e4m3[0x80], e5m2[0x80]]).toEqual([NaN, NaN]);
    expect([e4m3[0x7f], e4m3[0x40], e4m3[1], e4m3[0xff]]).toEqual([240, 1, 2 ** -10, -240]);
    expect([e5m2[0x7f], e5m2[0x40], e5m2[1], e5m2[0xff]]).toEqual([57344, 1, 2 ** -17, -57344]);
    expect(e5m2.filter(Number.isNaN)).toHaveLength(1);
  });

  it("E8M0 is a power of two", () => {
    const values = toFloat32("F8_E8M0", all);
    expect([values[0], values[127], values[254], values[255]]).toEqual([2 ** -127, 1, 2 ** 127, NaN]);
  });
});

describe("f16", () => {
  it("widens each of the 65536 patterns to its value", () => {
    const values = f16ToFloat32(allHalves);
    const wrong = [...allHalves].filter((bits) => !Object.is(values[bits], valueOfHalf(bits)));
    expect(wrong).toEqual([]);
  });

  it("keeps its bits through f32, including NaN payloads", () => {
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

/** A positive f32 number with its two f32 neighbours. */
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
