// Element types of checkpoints and their conversions. Bytes are little-endian, in files as in every machine that
// WebGPU runs on. Node 20 has no Float16Array, so f16 and bf16 are their 16 bits, held in a Uint16Array.
import { isSmallFloat, smallFloatsToFloat32, type SmallFloat } from "./small-floats.js";
import { UnsupportedError } from "./unsupported-error.js";

/** Element types by their safetensors names, as far as their values can be read. */
export type Dtype =
  "F64" | "F32" | "F16" | "BF16" | SmallFloat | "I64" | "I32" | "I16" | "I8" | "U64" | "U32" | "U16" | "U8" | "BOOL";

/** The type of a tensor in a file: it may be one whose values this library does not read, such as a complex one. */
export type EntryDtype = Dtype | "unsupported";

/** Bytes per element. */
export const DTYPE_BYTES: Readonly<Record<Dtype, number>> = {
  F64: 8,
  I64: 8,
  U64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E8M0: 1,
  F8_E4M3FNUZ: 1,
  F8_E5M2FNUZ: 1,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** Whether a name is that of an element type. */
export function isDtype(name: unknown): name is Dtype {
  return typeof name === "string" && Object.hasOwn(DTYPE_BYTES, name);
}

/** Whether the type has a fraction. */
export function isFloat(dtype: Dtype): boolean {
  return dtype === "F64" || dtype === "F32" || dtype === "F16" || dtype === "BF16" || isSmallFloat(dtype);
}

/** Number of elements of a shape; 1 for a scalar's `[]`. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/**
 * Whether the size of a shape can be counted exactly, with elements of so many bytes. Axes of size 0 are left out: beside
 * one the others say nothing, and `elementCount` is not even a number where their product is beyond all.
 */
export function isCountable(shape: readonly number[], itemBytes: number): boolean {
  return Number.isSafeInteger(elementCount(shape.filter((extent) => extent > 0)) * itemBytes);
}

/** Bytes of a contiguous tensor. */
export function byteLength(dtype: Dtype, shape: readonly number[]): number {
  return elementCount(shape) * DTYPE_BYTES[dtype];
}

/**
 * Values as f32, rounded to nearest where f32 has fewer digits; booleans are 0 and 1. Takes bytes of any alignment. Throws
 * UnsupportedError for a type that is not read; a tensor of one refuses to give its bytes in the first place.
 */
export function toFloat32(dtype: EntryDtype, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  if (dtype === "F32") return new Float32Array(new Uint8Array(bytes).buffer);
  if (dtype === "F16") return f16ToFloat32(new Uint16Array(new Uint8Array(bytes).buffer));
  if (dtype === "BF16") return widen(new Uint16Array(new Uint8Array(bytes).buffer), (bits) => bits << 16);
  return dtype !== "unsupported" && isSmallFloat(dtype)
    ? smallFloatsToFloat32(dtype, bytes)
    : Float32Array.from(toNumbers(dtype, bytes));
}

/** Values as numbers: exactly, but for integers beyond 2^53, which are rounded. Throws UnsupportedError. */
export function toNumbers(dtype: EntryDtype, bytes: Uint8Array): ArrayLike<number> {
  const { buffer } = new Uint8Array(bytes);
  switch (dtype) {
    case "F64":
      return new Float64Array(buffer);
    case "I64":
      return Float64Array.from(new BigInt64Array(buffer), Number);
    case "U64":
      return Float64Array.from(new BigUint64Array(buffer), Number);
    case "I32":
      return new Int32Array(buffer);
    case "U32":
      return new Uint32Array(buffer);
    case "I16":
      return new Int16Array(buffer);
    case "U16":
      return new Uint16Array(buffer);
    case "I8":
      return new Int8Array(buffer);
    case "U8":
      return new Uint8Array(buffer);
    case "BOOL":
      return Uint8Array.from(new Uint8Array(buffer), (value) => (value === 0 ? 0 : 1));
    case "unsupported":
      throw new UnsupportedError("The values of this element type are not read.");
    default:
      return toFloat32(dtype, bytes);
  }
}

/** f16 bits as f32 values, exactly. */
export function f16ToFloat32(halves: Uint16Array): Float32Array<ArrayBuffer> {
  return widen(halves, f16BitsToF32Bits);
}

/** f32 values as f16 bits, rounded to nearest, ties to even; beyond ±65504 (after rounding) they become infinite. */
export function float32ToF16(values: Float32Array): Uint16Array<ArrayBuffer> {
  return narrow(values, f32BitsToF16Bits);
}

/** f32 values as bf16 bits, rounded to nearest, ties to even. */
export function float32ToBf16(values: Float32Array): Uint16Array<ArrayBuffer> {
  return narrow(values, f32BitsToBf16Bits);
}

// Both loops move bits through Uint32Array, never through a JavaScript number, which may alter a NaN's payload.

function widen(halves: Uint16Array, convert: (bits: number) => number): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = convert(halves[i]!);
  return new Float32Array(words.buffer);
}

function narrow(values: Float32Array, convert: (bits: number) => number): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) halves[i] = convert(words[i]!);
  return halves;
}

/** One f16 number (sign 1, exponent 5, fraction 10 bits) as the bits of the same number in f32. */
function f16BitsToF32Bits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // Subnormal: fraction * 2^-24. Its leading one becomes the implicit bit of a normal f32.
  const lead = 31 - Math.clz32(fraction);
  return sign | ((lead + 103) << 23) | ((fraction << (23 - lead)) & 0x7fffff);
}

function f32BitsToF16Bits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7c00 | ((magnitude >>> 13) & 0x3ff || 0x200);
  // 65520 lies halfway to the number after the largest f16, 65504, and its tie goes to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | ((roundBits(magnitude, 13) - (112 << 10)) & 0x7fff);
  const exponent = magnitude >>> 23;
  // Below 2^-25, half of the smallest subnormal.
  if (exponent < 102) return sign;
  return sign | roundBits((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
}

function f32BitsToBf16Bits(bits: number): number {
  const isNan = (bits & 0x7fffffff) > 0x7f800000;
  return isNan ? (bits >>> 16) | 0x40 : roundBits(bits, 16);
}

/** `value / 2^shift` rounded to nearest, ties to even. */
function roundBits(value: number, shift: number): number {
  const quotient = value >>> shift;
  const half = 1 << (shift - 1);
  const rest = value & (2 * half - 1);
  return rest > half || (rest === half && (quotient & 1) === 1) ? quotient + 1 : quotient;
}
