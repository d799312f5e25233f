import { Random } from "../random.js";

/** Sizes at which counting often fails. */
const EXTREMES: readonly bigint[] = [
  ...[0n, 1n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0xffffn, 0x10000n, 0x7fffffffn, 0x80000000n, 0xfffffffen, 0xffffffffn],
  ...[0x100000000n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n],
];
const WIDTHS = [1, 2, 4, 8] as const;
/** Longest piece that is moved. */
const PIECE = 400;

type Mutation = (bytes: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [
  // Flip a bit.
  (bytes, random) => changed(bytes, random, (at) => bytes[at]! ^ (1 << random.below(8))),
  // Change a byte.
  (bytes, random) => changed(bytes, random, () => random.below(256)),
  // Set a number to the limit of its field, or to another edge.
  (bytes, random) => withNumber(bytes, random, () => random.pick(EXTREMES)),
  // Change a number slightly.
  (bytes, random) => withNumber(bytes, random, (value) => value + BigInt(random.below(9) - 4)),
  // Remove the end.
  (bytes, random) => bytes.slice(0, random.below(bytes.length + 1)),
  // Remove a piece.
  (bytes, random) => {
    const [from, to] = piece(bytes, random);
    return concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  // Copy a piece to another place.
  (bytes, random) => spliced(bytes, random, bytes),
  // Insert a piece of another file.
  (bytes, random, others) => spliced(bytes, random, random.pick(others)),
  // Insert zeros, or one repeated byte.
  (bytes, random) => {
    const [from, to] = piece(bytes, random);
    return bytes.slice().fill(random.chance(0.5) ? 0 : random.below(256), from, to);
  },
];

/** A copy of `bytes` with a few faults. Pieces may come from `others`. */
export function mutateBytes(bytes: Uint8Array, random: Random, others: readonly Uint8Array[] = [bytes]): Uint8Array {
  let mutated = bytes;
  for (let left = 1 + random.length(3); left > 0; left--) mutated = random.pick(MUTATIONS)(mutated, random, others);
  return mutated;
}

/** Concatenates arrays of bytes. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The text with one character for each byte. */
export const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** `value` in `width` bytes, little-endian. */
export function littleEndian(value: number | bigint, width: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true);
  return bytes.subarray(0, width);
}

function changed(bytes: Uint8Array, random: Random, value: (at: number) => number): Uint8Array {
  if (bytes.length === 0) return bytes;
  const at = random.below(bytes.length);
  const copy = bytes.slice();
  copy[at] = value(at);
  return copy;
}

function withNumber(bytes: Uint8Array, random: Random, next: (value: bigint) => bigint): Uint8Array {
  const width = random.pick(WIDTHS);
  if (bytes.length < width) return bytes;
  const at = random.below(bytes.length - width + 1);
  const isLittle = random.chance(0.7);
  const field = bytes.slice(at, at + width);
  const inOrder = isLittle ? field : field.toReversed();
  const value = inOrder.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const written = littleEndian(next(value), width);
  const copy = bytes.slice();
  copy.set(isLittle ? written : written.toReversed(), at);
  return copy;
}

function piece(bytes: Uint8Array, random: Random): readonly [from: number, to: number] {
  const from = random.below(bytes.length + 1);
  return [from, from + random.length(Math.min(PIECE, bytes.length - from))];
}

/** Puts a piece of `from` into `bytes`, replacing as many bytes or none. */
function spliced(bytes: Uint8Array, random: Random, from: Uint8Array): Uint8Array {
  const [start, end] = piece(from, random);
  const at = random.below(bytes.length + 1);
  const behind = random.chance(0.5) ? at : Math.min(bytes.length, at + end - start);
  return concat([bytes.subarray(0, at), from.subarray(start, end), bytes.subarray(behind)]);
}
