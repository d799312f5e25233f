import type { Random } from "../random.js";
import { concat, latin1, mutateBytes } from "./bytes.js";
import { randomPickleValue } from "./pickle-writer.js";

const op = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

/** The length of an argument, by opcode: bytes, lines, or a length field of that many bytes. */
const FIXED: Readonly<Record<string, number>> = {
  K: 1,
  M: 2,
  J: 4,
  G: 8,
  h: 1,
  q: 1,
  j: 4,
  r: 4,
  "\x80": 1,
  "\x95": 8,
};
const LINES: Readonly<Record<string, number>> = { c: 2, i: 2, I: 1, L: 1, F: 1, S: 1, V: 1, P: 1, p: 1, g: 1 };
const COUNTED: Readonly<Record<string, number>> = {
  X: 4,
  B: 4,
  T: 4,
  U: 1,
  C: 1,
  "\x8a": 1,
  "\x8b": 4,
  "\x8c": 1,
  "\x8d": 8,
};

/** The opcodes of a valid pickle with their arguments, up to its end. */
export function splitOpcodes(pickle: Uint8Array): Uint8Array[] {
  const opcodes: Uint8Array[] = [];
  for (let at = 0; at < pickle.length && opcodes.at(-1)?.[0] !== 0x2e;) {
    const end = at + 1 + argumentLength(pickle, at);
    opcodes.push(pickle.slice(at, end));
    at = end;
  }
  return opcodes;
}

function argumentLength(pickle: Uint8Array, at: number): number {
  const name = String.fromCharCode(pickle[at]!);
  let end = at + 1 + (FIXED[name] ?? 0);
  for (let lines = LINES[name] ?? 0; lines > 0; lines--) end = pickle.indexOf(10, end) + 1;
  const width = COUNTED[name] ?? 0;
  const length = pickle.slice(end, end + width).reduceRight((sum, byte) => 256 * sum + byte, 0);
  return end + width + length - at - 1;
}

/** Opcodes without an argument. */
const PLAIN = latin1("()]}tlde\x75sabR0012QNo\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94.");
const SNIPPETS: readonly Uint8Array[] = [
  ...[...PLAIN].map((byte) => op(byte)),
  ...[
    "I01\n",
    "I-5\n",
    "L99999999999999999999L\n",
    "F1e999\n",
    "Fnan\n",
    "g0\n",
    "p0\n",
    "p-1\n",
    "S'a'\n",
    "V\\ud800\n",
  ].map(latin1),
  ...[
    "P1\n",
    "I1_0\n",
    "L0x10L\n",
    "F\n",
    "S'\n",
    "p99999999999999999999\n",
    "\x80\x05",
    "\x80\xff",
    "K\xff",
    "M\xff\xff",
  ].map(latin1),
  ...[
    "J\xff\xff\xff\xff",
    "J\xff\xff\xff\x7f",
    "h\x00",
    "h\x01",
    "q\x00",
    "j\xff\xff\xff\xff",
    "r\xff\xff\xff\xff",
  ].map(latin1),
  ...[
    "\x8a\x00",
    "\x8a\x08\xff\xff\xff\xff\xff\xff\x1f\x00",
    "\x8b\xff\xff\xff\xff",
    "\x8c\x00",
    "\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
  ].map(latin1),
  ...[
    "G\x7f\xf8\0\0\0\0\0\0",
    "G\x7f\xf0\0\0\0\0\0\0",
    "\x96\x01\0\0\0\0\0\0\0a",
    "\x97",
    "\x98",
    "\x82\x01",
    "U\x01\xff",
  ].map(latin1),
];

/** A pickle with a few opcodes removed, moved, repeated or inserted. */
export function mutatePickle(pickle: Uint8Array, random: Random): Uint8Array {
  const opcodes = splitOpcodes(pickle);
  for (let left = 1 + random.length(3); left > 0 && opcodes.length > 0; left--) mutateOpcodes(opcodes, random);
  const mutated = concat(opcodes);
  return random.chance(0.1) ? mutateBytes(mutated, random) : mutated;
}

function mutateOpcodes(opcodes: Uint8Array[], random: Random): void {
  const at = random.below(opcodes.length);
  const other = random.below(opcodes.length);
  switch (random.below(8)) {
    case 0:
      opcodes.splice(at, 1);
      return;
    case 1:
      opcodes.splice(at, random.below(2), random.pick(SNIPPETS));
      return;
    case 2:
      opcodes.splice(at, random.below(2), randomPickleValue(random));
      return;
    case 3:
      opcodes.splice(other, 0, ...opcodes.slice(at, at + random.length(30)));
      return;
    case 4:
      [opcodes[at], opcodes[other]] = [opcodes[other]!, opcodes[at]!];
      return;
    case 5:
      opcodes[at] = mutateBytes(opcodes[at]!, random);
      return;
    case 6:
      opcodes.splice(at, 0, ...random.list(random.below(6), () => random.pick(SNIPPETS)));
      return;
    default:
      // Very many copies of one.
      opcodes.splice(at, 0, concat(Array<Uint8Array>(random.length(3000)).fill(random.pick(SNIPPETS))));
  }
}
