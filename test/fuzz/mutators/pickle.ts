import type { Random } from "../random.js";
import { concat, latin1, littleEndian, mutateBytes, utf8 } from "./bytes.js";
import { randomName } from "./json.js";
import { KNOWN_NAMES, NASTY_NAMES } from "./words.js";

const op = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

/** How long an opcode's argument is, by the opcode: bytes, lines, or a length of so many bytes before it. */
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

/** The opcodes of a sound pickle with their arguments, up to its end. */
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

/** A pickle with a few of its opcodes left out, moved, repeated, or others put in. */
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
      // Very many of the same.
      opcodes.splice(at, 0, concat(Array<Uint8Array>(random.length(3000)).fill(random.pick(SNIPPETS))));
  }
}

/** The opcodes that make one random value. */
export function randomPickleValue(random: Random): Uint8Array {
  return new PickleWriter(random, false).value(3);
}

/** Names that torch's own files, trainers' libraries and attackers have in pickles. */
const CALLED = [
  ...["collections OrderedDict", "builtins set", "builtins list", "builtins dict", "builtins frozenset", "torch Size"],
  ...[
    "builtins bytearray",
    "builtins complex",
    "builtins slice",
    "builtins range",
    "builtins getattr",
    "_codecs encode",
  ],
  ...["torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor", "torch._utils _rebuild_parameter"],
  ...["torch._utils _rebuild_tensor_v3", "torch._utils _rebuild_sparse_tensor", "torch._utils _rebuild_qtensor"],
  ...[
    "torch._utils _rebuild_meta_tensor_no_storage",
    "torch._tensor _rebuild_from_type_v2",
    "torch device",
    "torch dtype",
  ],
  ...[
    "torch._utils _rebuild_xla_tensor",
    "torch._utils _rebuild_device_tensor_from_numpy",
    "torch.nn.modules.linear Linear",
  ],
  ...["numpy.core.multiarray _reconstruct", "numpy.core.multiarray scalar", "numpy dtype", "numpy ndarray"],
  ...["packaging.version Version", "packaging._structures InfinityType", "pathlib PosixPath", "argparse Namespace"],
  ...["os system", "builtins eval", "a b", "__proto__ constructor", "x\x1b[31m y", "copy_reg _reconstructor"],
];
const STORAGES = [
  "FloatStorage",
  "HalfStorage",
  "LongStorage",
  "ByteStorage",
  "UntypedStorage",
  "ComplexFloatStorage",
  "x",
];

/** Writes random Python values as opcodes that CPython would load as well, but for a few. */
class PickleWriter {
  #memo = 0;

  constructor(
    private readonly random: Random,
    private readonly isLegacy: boolean,
  ) {}

  /** A checkpoint: a dict with a state dict, perhaps under a key, beside anything. */
  checkpoint(): Uint8Array {
    const { random } = this;
    const model = this.dict(random.length(6), () => [this.text(randomName(random)), this.tensor()]);
    const extras = random.list(random.below(4), () => concat([this.text(randomName(random)), this.value(3)]));
    const versioned = random.chance(0.4) ? [this.text("version"), this.version()] : [];
    const entries = random.chance(0.7) ? [this.text(random.pick(["model", "state_dict", "ema"])), model] : [];
    const outer = random.chance(0.1) ? model : concat([latin1("}("), ...entries, ...versioned, ...extras, latin1("u")]);
    return concat([op(0x80, 2), outer, latin1(".")]);
  }

  value(depth: number): Uint8Array {
    const { random } = this;
    switch (random.below(depth > 0 ? 14 : 5)) {
      case 0:
        return latin1(random.pick(["N", "\x88", "\x89", ")", "]", "}"]));
      case 1:
        return this.number();
      case 2:
        return this.text(random.chance(0.5) ? randomName(random) : random.pick(NASTY_NAMES));
      case 3:
        return this.recalled();
      case 4:
        return concat([op(0x43), ...counted(random.list(random.below(20), () => random.below(256)))]);
      case 5:
        return concat([latin1("("), ...this.values(depth), latin1(random.pick(["t", "l"]))]);
      case 6:
        return concat([latin1("]("), ...this.values(depth), latin1("e")]);
      case 7:
        return this.dict(random.below(4), () => [this.value(depth - 1), this.value(depth - 1)]);
      case 8:
        return concat([op(0x8f), latin1("("), ...this.values(depth), op(0x90)]);
      case 9:
        return this.tensor();
      case 10:
        return this.object(depth);
      case 11:
        return this.doubled(random.length(random.chance(0.3) ? 2000 : 40), this.value(0));
      case 12:
        return this.tower(random.length(600), this.value(0));
      default:
        return this.memoized(this.value(depth - 1));
    }
  }

  private values(depth: number): Uint8Array[] {
    return this.random.list(this.random.below(5), () => this.value(depth - 1));
  }

  private dict(count: number, entry: () => readonly Uint8Array[]): Uint8Array {
    return concat([latin1("}("), ...this.random.list(count, entry).flat(), latin1("u")]);
  }

  private number(): Uint8Array {
    const { random } = this;
    if (random.chance(0.6)) return concat([latin1("K"), op(random.below(256))]);
    if (random.chance(0.5)) return concat([latin1("J"), littleEndian(random.uint32(), 4)]);
    return concat([op(0x8a), ...counted(random.list(random.below(12), () => random.below(256)))]);
  }

  private text(text: string): Uint8Array {
    const bytes = utf8(text);
    return concat([latin1("X"), littleEndian(bytes.length, 4), bytes]);
  }

  private memoized(value: Uint8Array): Uint8Array {
    return concat([value, latin1("r"), littleEndian(this.#memo++, 4)]);
  }

  /** A value of the memo; None where it is empty. */
  private recalled(): Uint8Array {
    if (this.#memo === 0) return latin1("N");
    return concat([latin1("j"), littleEndian(this.random.below(this.#memo), 4)]);
  }

  /** x = (x, x), so many times: 2^count leaves in 2 * count bytes. */
  private doubled(count: number, leaf: Uint8Array): Uint8Array {
    if (this.random.chance(0.6)) return concat([leaf, ...Array<Uint8Array>(count).fill(latin1("2\x86"))]);
    // Lists, by the memo.
    const slot = littleEndian(this.#memo++, 4);
    const step = concat([latin1("r"), slot, latin1("0]("), latin1("j"), slot, latin1("j"), slot, latin1("e")]);
    return concat([leaf, ...Array<Uint8Array>(count).fill(step)]);
  }

  /** Containers within containers. */
  private tower(depth: number, leaf: Uint8Array): Uint8Array {
    const [open, close] = this.random.pick([
      ["", "\x85"],
      ["]", "a"],
      ["}K\x01", "s"],
      ["cm\nC\n", "\x85R"],
      ["cm\nC\n)\x81", "b"],
    ] as const);
    const repeat = (text: string) => Array<Uint8Array>(depth).fill(latin1(text));
    return concat([...repeat(open), leaf, ...repeat(close)]);
  }

  private name(words = this.random.pick(CALLED)): Uint8Array {
    const [module = "", name = ""] = words.split(" ");
    if (this.random.chance(0.5)) return latin1(`c${module}\n${name}\n`);
    return concat([this.text(module), this.text(name), op(0x93)]);
  }

  private object(depth: number): Uint8Array {
    const { random } = this;
    const made = concat([
      this.name(),
      latin1("("),
      ...this.values(depth),
      latin1("t"),
      latin1(random.pick(["R", "\x81"])),
    ]);
    if (random.chance(0.5)) return made;
    const state = this.dict(random.below(4), () => [this.text(randomName(random)), this.value(depth - 1)]);
    return concat([made, random.chance(0.8) ? state : this.value(depth - 1), latin1("b")]);
  }

  private storage(): Uint8Array {
    const { random } = this;
    const type = random.chance(0.9) ? "torch FloatStorage" : `torch ${random.pick(STORAGES)}`;
    const key = random.chance(0.95) ? String(random.below(3)) : random.pick(NASTY_NAMES);
    const count = random.chance(0.95) ? 4 : random.below(2 ** 31);
    const view = this.isLegacy ? "N" : "";
    const parts = [
      this.text("storage"),
      this.name(type),
      this.text(key),
      this.text("cpu"),
      this.int(count),
      latin1(view),
    ];
    return concat([latin1("("), ...parts, latin1("tQ")]);
  }

  private int(value: number): Uint8Array {
    return concat([latin1("J"), littleEndian(value, 4)]);
  }

  private tensor(): Uint8Array {
    const { random } = this;
    const fits = random.chance(0.95);
    const shape = random.pick<number[]>(
      fits ? [[4], [2, 2], [1], [], [0, 3], [2, 1, 2]] : [[5], [2 ** 20, 2 ** 20], [0, 2 ** 30]],
    );
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
    const tuple = (sizes: readonly number[]) =>
      concat([latin1("("), ...sizes.map((size) => this.int(size)), latin1("t")]);
    const offset = this.int(fits ? 0 : random.below(6));
    const args = [this.storage(), offset, tuple(shape), tuple(random.chance(0.8) ? strides : strides.toReversed())];
    const hooks = random.chance(0.9) ? latin1("\x89cm\nC\n)R") : concat([latin1("\x89"), this.value(1)]);
    return concat([this.name("torch._utils _rebuild_tensor_v2"), latin1("("), ...args, hooks, latin1("tR")]);
  }

  /** A version as packaging pickled it until 25, or anything in its place. */
  private version(): Uint8Array {
    const { random } = this;
    if (random.chance(0.3)) return random.chance(0.5) ? this.text(random.pick(KNOWN_NAMES)) : this.value(3);
    const part = () => (random.chance(0.6) ? latin1("N") : this.value(2));
    const release = random.chance(0.7) ? latin1("(K\x01K\x02K\x03t") : this.value(3);
    const parts = [random.chance(0.8) ? latin1("K\x00") : part(), release, part(), part(), part(), part()];
    const inner = concat([this.name("packaging.version _Version"), latin1("("), ...parts, latin1("tR")]);
    const state = concat([latin1("}("), this.text("_version"), inner, latin1("u")]);
    return concat([this.name("packaging.version Version"), latin1(")R"), state, latin1("b")]);
  }
}

/** The pickle of a random checkpoint, whose tensors view the storages "0", "1" and "2" of four floats each. */
export function randomPickle(random: Random, isLegacy = false): Uint8Array {
  return new PickleWriter(random, isLegacy).checkpoint();
}

/** A length of one byte, and the bytes. */
function counted(bytes: readonly number[]): Uint8Array[] {
  return [op(bytes.length), Uint8Array.from(bytes)];
}
