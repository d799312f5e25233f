// Element types of checkpoints and their conversions. Bytes are little-endian, in files as in every machine that
// WebGPU runs on. bf16, as f16, is its 16 bits, held in a Uint16Array.
import { f16ToFloat32, narrow, roundBits, widen } from "../tensor/half.js";
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
export function isFloat(dtype: EntryDtype): dtype is Dtype {
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

/** f32 values as bf16 bits, rounded to nearest, ties to even. */
export function float32ToBf16(values: Float32Array): Uint16Array<ArrayBuffer> {
  return narrow(values, f32BitsToBf16Bits);
}

function f32BitsToBf16Bits(bits: number): number {
  const isNan = (bits & 0x7fffffff) > 0x7f800000;
  return isNan ? (bits >>> 16) | 0x40 : roundBits(bits, 16);
}
