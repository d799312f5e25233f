// Conversions of half precision. Node 20 has no Float16Array, so 16-bit numbers are in a Uint16Array.

/** Converts f16 bits to f32 values, exactly. */
export function f16ToFloat32(halves: Uint16Array): Float32Array<ArrayBuffer> {
  return widen(halves, f16BitsToF32Bits);
}

/**
 * Converts f32 values to f16 bits, rounded to nearest, ties to even. Values beyond ±65504 after rounding become
 * infinite.
 */
export function float32ToF16(values: Float32Array): Uint16Array<ArrayBuffer> {
  return narrow(values, f32BitsToF16Bits);
}

/** Converts one number to f16 bits. */
export function toHalf(x: number): number {
  value[0] = x;
  return f32BitsToF16Bits(bits[0]!);
}

/** Converts f16 bits to the number that they encode. */
export function fromHalf(half: number): number {
  bits[0] = f16BitsToF32Bits(half);
  return value[0]!;
}

const bits = new Uint32Array(1);
const value = new Float32Array(bits.buffer);

// Both loops move bits through a Uint32Array: a JavaScript number may change the payload of a NaN.

/** Converts 16-bit numbers to f32; `convert` maps their bits. */
export function widen(halves: Uint16Array, convert: (bits: number) => number): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = convert(halves[i]!);
  return new Float32Array(words.buffer);
}

/** Converts f32 to 16-bit numbers; `convert` maps their bits. */
export function narrow(values: Float32Array, convert: (bits: number) => number): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) halves[i] = convert(words[i]!);
  return halves;
}

/** Converts the bits of an f16 number (1 sign, 5 exponent, 10 fraction bits) to those of the same number in f32. */
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
  // 65520 is halfway between 65504, the largest f16, and the number after it. The tie is rounded to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | ((roundBits(magnitude, 13) - (112 << 10)) & 0x7fff);
  const exponent = magnitude >>> 23;
  // Below 2^-25, half of the smallest subnormal.
  if (exponent < 102) return sign;
  return sign | roundBits((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
}

/** `value / 2^shift` rounded to nearest, ties to even. */
export function roundBits(value: number, shift: number): number {
  const quotient = value >>> shift;
  const half = 1 << (shift - 1);
  const rest = value & (2 * half - 1);
  return rest > half || (rest === half && (quotient & 1) === 1) ? quotient + 1 : quotient;
}
