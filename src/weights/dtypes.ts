// Element types of checkpoints and their conversions. Bytes are little-endian, in files and on every machine with WebGPU.
// bf16 and f16 values are 16 bits each in a Uint16Array.
import { f16ToFloat32, narrow, roundBits, widen } from "../tensor/half.js";
import { isSmallFloat, smallFloatsToFloat32, type SmallFloat } from "./small-floats.js";
import { UnsupportedError } from "./unsupported-error.js";

/** Supported element types, by their safetensors names. */
export type Dtype =
  "F64" | "F32" | "F16" | "BF16" | SmallFloat | "I64" | "I32" | "I16" | "I8" | "U64" | "U32" | "U16" | "U8" | "BOOL";

/** The type of a tensor in a file, which may be unsupported, such as a complex type. */
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

/** True for the name of a supported element type. */
export function isDtype(name: unknown): name is Dtype {
  return typeof name === "string" && Object.hasOwn(DTYPE_BYTES, name);
}

/** True if the type is a floating point type. */
export function isFloat(dtype: EntryDtype): dtype is Dtype {
  return dtype === "F64" || dtype === "F32" || dtype === "F16" || dtype === "BF16" || isSmallFloat(dtype);
}

/** Number of elements of a shape; 1 for a scalar's `[]`. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/**
 * True if the size of a shape in bytes can be counted exactly. Axes of size 0 are left out: beside one the others do not
 * matter, and `elementCount` may overflow to NaN.
 */
export function isCountable(shape: readonly number[], itemBytes: number): boolean {
  return Number.isSafeInteger(elementCount(shape.filter((extent) => extent > 0)) * itemBytes);
}

/** Bytes of a contiguous tensor. */
export function byteLength(dtype: Dtype, shape: readonly number[]): number {
  return elementCount(shape) * DTYPE_BYTES[dtype];
}

/**
 * Converts to f32, rounded to nearest; booleans become 0 and 1. Accepts bytes of any alignment. Throws UnsupportedError for
 * an unsupported type.
 */
export function toFloat32(dtype: EntryDtype, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  if (dtype === "F32") return new Float32Array(new Uint8Array(bytes).buffer);
  if (dtype === "F16") return f16ToFloat32(new Uint16Array(new Uint8Array(bytes).buffer));
  if (dtype === "BF16") return widen(new Uint16Array(new Uint8Array(bytes).buffer), (bits) => bits << 16);
  return dtype !== "unsupported" && isSmallFloat(dtype)
    ? smallFloatsToFloat32(dtype, bytes)
    : Float32Array.from(toNumbers(dtype, bytes));
}

/** Converts to numbers, exactly except for integers beyond 2^53, which are rounded. Throws UnsupportedError. */
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
      throw new UnsupportedError("Values of this element type are not supported.");
    default:
      return toFloat32(dtype, bytes);
  }
}

/** Converts f32 to bf16 bits, rounded to nearest, ties to even. */
export function float32ToBf16(values: Float32Array): Uint16Array<ArrayBuffer> {
  return narrow(values, f32BitsToBf16Bits);
}

function f32BitsToBf16Bits(bits: number): number {
  const isNan = (bits & 0x7fffffff) > 0x7f800000;
  return isNan ? (bits >>> 16) | 0x40 : roundBits(bits, 16);
}
