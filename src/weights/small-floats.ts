// 8-bit floats. OCP 8-bit Floating Point Specification (OFP8); for FNUZ https://arxiv.org/abs/2206.02915

/** 8-bit floats by their safetensors names. */
export type SmallFloat = "F8_E4M3" | "F8_E5M2" | "F8_E8M0" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ";

interface Layout {
  readonly fractionBits: number;
  readonly bias: number;
  /** The value of bits that are not a finite number. */
  readonly special: (bits: number) => number | undefined;
}

/** FNUZ: no infinities and no negative zero; the bits of negative zero are NaN. */
const unsigned = (bits: number) => (bits === 0x80 ? NaN : undefined);

const LAYOUTS: Readonly<Record<SmallFloat, Layout>> = {
  F8_E4M3: { fractionBits: 3, bias: 7, special: (bits) => ((bits & 0x7f) === 0x7f ? NaN : undefined) },
  F8_E5M2: {
    fractionBits: 2,
    bias: 15,
    special: (bits) =>
      (bits & 0x7c) !== 0x7c ? undefined : (bits & 3) !== 0 ? NaN : bits & 0x80 ? -Infinity : Infinity,
  },
  F8_E4M3FNUZ: { fractionBits: 3, bias: 8, special: unsigned },
  F8_E5M2FNUZ: { fractionBits: 2, bias: 16, special: unsigned },
  // A power of two without sign or fraction: every value except one is 2^(bits - 127).
  F8_E8M0: { fractionBits: 0, bias: 127, special: (bits) => (bits === 0xff ? NaN : 2 ** (bits - 127)) },
};

const tables = new Map<SmallFloat, Float32Array>();

/** True for the name of an 8-bit float type. */
export function isSmallFloat(name: string): name is SmallFloat {
  return Object.hasOwn(LAYOUTS, name);
}

/** Converts one-byte elements to f32, exactly. */
export function smallFloatsToFloat32(dtype: SmallFloat, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  let table = tables.get(dtype);
  if (!table)
    tables.set(dtype, (table = Float32Array.from({ length: 256 }, (_, bits) => valueOf(bits, LAYOUTS[dtype]))));
  const values = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) values[i] = table[bytes[i]!]!;
  return values;
}

function valueOf(bits: number, { fractionBits, bias, special }: Layout): number {
  const other = special(bits);
  if (other !== undefined) return other;
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits & 0x7f) >> fractionBits;
  const fraction = (bits & ((1 << fractionBits) - 1)) / (1 << fractionBits);
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
}
