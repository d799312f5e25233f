import type { Random } from "../random.js";
import { concat, latin1, littleEndian, utf8 } from "./bytes.js";
import { randomName } from "./json.js";
import { KNOWN_NAMES, NASTY_NAMES } from "./words.js";

/** The opcodes for one random value. */
export function randomPickleValue(random: Random): Uint8Array {
  return new PickleWriter(random, false).value(3);
}

/** Names in pickles from torch, trainers' libraries and attackers. */
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

/** Writes random Python values as opcodes, nearly all of which CPython would load. */
class PickleWriter {
  #memo = 0;

  constructor(
    private readonly random: Random,
    private readonly isLegacy: boolean,
  ) {}

  /** A checkpoint: a dict with a state dict, perhaps under a key, and with other values. */
  checkpoint(): Uint8Array {
    const { random } = this;
    const model = this.dict(random.length(6), () => [this.text(randomName(random)), this.tensor()]);
    const extras = random.list(random.below(4), () => concat([this.text(randomName(random)), this.value(3)]));
    const versioned = random.chance(0.4) ? [this.text("version"), this.version()] : [];
    const entries = random.chance(0.7) ? [this.text(random.pick(["model", "state_dict", "ema"])), model] : [];
    // A legacy file lists its storages, and each must be used.
    const ids = ["0", "1", "2"].map((key) => this.persistentId("torch FloatStorage", key, 4));
    const all = this.isLegacy ? [this.text("storages"), latin1("("), ...ids, latin1("t")] : [];
    const parts = [...entries, ...versioned, ...extras, ...all];
    const outer = random.chance(0.1) ? model : concat([latin1("}("), ...parts, latin1("u")]);
    return concat([Uint8Array.of(0x80, 2), outer, latin1(".")]);
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
        return concat([Uint8Array.of(0x43), ...counted(random.list(random.below(20), () => random.below(256)))]);
      case 5:
        return concat([latin1("("), ...this.values(depth), latin1(random.pick(["t", "l"]))]);
      case 6:
        return concat([latin1("]("), ...this.values(depth), latin1("e")]);
      case 7:
        return this.dict(random.below(4), () => [this.value(depth - 1), this.value(depth - 1)]);
      case 8:
        return concat([Uint8Array.of(0x8f), latin1("("), ...this.values(depth), Uint8Array.of(0x90)]);
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
    if (random.chance(0.6)) return concat([latin1("K"), Uint8Array.of(random.below(256))]);
    if (random.chance(0.5)) return concat([latin1("J"), littleEndian(random.uint32(), 4)]);
    return concat([Uint8Array.of(0x8a), ...counted(random.list(random.below(12), () => random.below(256)))]);
  }

  private text(text: string): Uint8Array {
    const bytes = utf8(text);
    return concat([latin1("X"), littleEndian(bytes.length, 4), bytes]);
  }

  private memoized(value: Uint8Array): Uint8Array {
    return concat([value, latin1("r"), littleEndian(this.#memo++, 4)]);
  }

  /** A value of the memo; None if the memo is empty. */
  private recalled(): Uint8Array {
    if (this.#memo === 0) return latin1("N");
    return concat([latin1("j"), littleEndian(this.random.below(this.#memo), 4)]);
  }

  /** x = (x, x), `count` times: 2^count leaves in 2 * count bytes. */
  private doubled(count: number, leaf: Uint8Array): Uint8Array {
    if (this.random.chance(0.6)) return concat([leaf, ...Array<Uint8Array>(count).fill(latin1("2\x86"))]);
    // Lists, through the memo.
    const slot = littleEndian(this.#memo++, 4);
    const step = concat([latin1("r"), slot, latin1("0]("), latin1("j"), slot, latin1("j"), slot, latin1("e")]);
    return concat([leaf, ...Array<Uint8Array>(count).fill(step)]);
  }

  /** Nested containers. */
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
    return concat([this.text(module), this.text(name), Uint8Array.of(0x93)]);
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
    if (random.chance(0.85)) return this.persistentId("torch FloatStorage", String(random.below(3)), 4);
    const type = random.chance(0.6) ? "torch FloatStorage" : `torch ${random.pick(STORAGES)}`;
    const key = random.chance(0.6) ? String(random.below(3)) : random.pick(NASTY_NAMES);
    return this.persistentId(type, key, random.chance(0.6) ? 4 : random.below(2 ** 31));
  }

  private persistentId(type: string, key: string, count: number): Uint8Array {
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

  /** A version as packaging pickled it until 25, or any other value. */
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

/** A one-byte length, and the bytes. */
function counted(bytes: readonly number[]): Uint8Array[] {
  return [Uint8Array.of(bytes.length), Uint8Array.from(bytes)];
}
