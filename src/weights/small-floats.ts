// Floats of 8 bits. OCP 8-bit Floating Point Specification (OFP8), and for FNUZ https://arxiv.org/abs/2206.02915

/** Floats of 8 bits, by their safetensors names. */
export type SmallFloat = "F8_E4M3" | "F8_E5M2" | "F8_E8M0" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ";

interface Layout {
  readonly fractionBits: number;
  readonly bias: number;
  /** What the bits mean that are no finite number. */
  readonly special: (bits: number) => number | undefined;
}

/** FNUZ: finite, with no negative zero, whose bits are NaN. */
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
  // A power of two without sign or fraction: every value but one is 2^(bits - 127).
  F8_E8M0: { fractionBits: 0, bias: 127, special: (bits) => (bits === 0xff ? NaN : 2 ** (bits - 127)) },
};

const tables = new Map<SmallFloat, Float32Array>();

/** Whether a type is a float of 8 bits. */
export function isSmallFloat(name: string): name is SmallFloat {
  return Object.hasOwn(LAYOUTS, name);
}

/** Elements of one byte as f32, exactly. */
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
