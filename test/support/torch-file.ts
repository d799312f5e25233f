import { Hole, sparseZip, zip, type Sparse, type ZipOptions } from "./zip.js";

/** Element types of test tensors, by torch's storage classes. */
const STORAGE_TYPES = {
  F64: "DoubleStorage",
  F32: "FloatStorage",
  F16: "HalfStorage",
  I64: "LongStorage",
  C64: "ComplexFloatStorage",
  QUINT8: "QUInt8Storage",
  BYTES: "UntypedStorage",
  UNKNOWN: "FutureStorage",
} as const;

export interface TestStorage {
  readonly dtype: keyof typeof STORAGE_TYPES;
  readonly bytes: Uint8Array | Hole;
  /** The number of elements in the pickle. Default: the real number. */
  readonly elements?: number;
}

/** A tensor to pickle. Tensors with the same `storage` are views of it. */
export class TestTensor {
  readonly strides: readonly number[];

  constructor(
    readonly shape: readonly number[],
    readonly storage: TestStorage,
    readonly offset = 0,
  ) {
    this.strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  }
}

/** A tensor of f32 values in a storage of its own. */
export function f32(shape: readonly number[], values: readonly number[]): TestTensor {
  return f32Tensor(shape, Float32Array.from(values));
}

/** The same for values that are f32 already. */
export function f32Tensor(shape: readonly number[], { buffer, byteOffset, byteLength }: Float32Array): TestTensor {
  return new TestTensor(shape, { dtype: "F32", bytes: new Uint8Array(buffer, byteOffset, byteLength) });
}

/** A tensor of zeros that takes no space in a file with holes. */
export function hole(shape: readonly number[]): TestTensor {
  const bytes = new Hole(4 * shape.reduce((product, size) => product * size, 1));
  return new TestTensor(shape, { dtype: "F32", bytes });
}

/** A vector with one value: enough if a test asks which tensor it is. */
export function scalar(value: number): TestTensor {
  return f32([1], [value]);
}

/** A value as text of pickle's protocol 0, for tests that write the text themselves. */
export class PickleText {
  constructor(readonly text: string) {}
}

/** A pickled object: an instance of a class with attributes. If it is used in several places, it is pickled once. */
export class TestObject {
  constructor(
    readonly module: string,
    readonly name: string,
    readonly state: Value,
    readonly args: readonly Value[] = [],
  ) {}
}

interface ModuleParts {
  readonly parameters?: Readonly<Record<string, TestTensor | null>>;
  readonly buffers?: Readonly<Record<string, TestTensor | null>>;
  /** Names of buffers that are not saved. */
  readonly volatile?: readonly string[];
  readonly modules?: Readonly<Record<string, TestObject | null>>;
  /** Other attributes. */
  readonly attributes?: Readonly<Record<string, Value>>;
}

/** A module as torch.save pickles it whole. */
export function testModule({ parameters = {}, buffers = {}, volatile = [], modules = {}, attributes }: ModuleParts) {
  return new TestObject("__main__", "Net", {
    training: true,
    _parameters: parameters,
    _buffers: buffers,
    _non_persistent_buffers_set: new PickleText(
      `cbuiltins\nset\n((l${volatile.map((name) => `V${name}\na`).join("")}tR`,
    ),
    _backward_hooks: {},
    _modules: modules,
    ...attributes,
  });
}

/** A call of a function or class by its full name, with the state that a BUILD gives to its result. */
export class Call {
  constructor(
    readonly name: string,
    readonly args: readonly Value[],
    readonly state?: Value,
  ) {}
}

/** A function or class by its full name. */
export class Global {
  constructor(readonly name: string) {}
}

export class Tuple {
  readonly items: readonly Value[];

  constructor(...items: readonly Value[]) {
    this.items = items;
  }
}

/** A storage alone, as a persistent id. */
export class StorageId {
  constructor(readonly storage: TestStorage) {}
}

type Value =
  | TestTensor
  | PickleText
  | TestObject
  | Call
  | Global
  | Tuple
  | StorageId
  | string
  | number
  | boolean
  | null
  | readonly Value[]
  | { readonly [key: string]: Value };
export type TestTree = Value;

const BYTES = { F64: 8, F32: 4, F16: 2, I64: 8, C64: 8, QUINT8: 1, BYTES: 1, UNKNOWN: 1 } as const;

/** Pickles a tree as torch does, with persistent ids for storages. Lists the storages by key. */
class Pickler {
  readonly storages: TestStorage[] = [];
  private readonly objects: TestObject[] = [];

  constructor(private readonly isLegacy: boolean) {}

  pickle(value: Value): string {
    if (value instanceof PickleText) return value.text;
    if (value instanceof TestTensor) return this.tensor(value);
    if (value instanceof TestObject) return this.object(value);
    if (value instanceof Global) return global(value.name);
    if (value instanceof Tuple) return this.tuple(value.items);
    if (value instanceof StorageId) return this.storage(value.storage);
    if (value instanceof Call) {
      const made = `${global(value.name)}${this.tuple(value.args)}R`;
      return value.state === undefined ? made : `${made}${this.pickle(value.state)}b`;
    }
    if (value === null) return "N";
    if (typeof value === "string") return `V${value}\n`;
    if (typeof value === "number") return Number.isInteger(value) ? int(value) : `F${value}\n`;
    if (typeof value === "boolean") return value ? "I01\n" : "I00\n";
    if (isList(value)) return `](${value.map((item) => this.pickle(item)).join("")}e`;
    return `}(${Object.entries(value)
      .map(([key, item]) => `V${key}\n${this.pickle(item)}`)
      .join("")}u`;
  }

  private object(value: TestObject): string {
    const known = this.objects.indexOf(value);
    if (known >= 0) return `g${known}\n`;
    const memo = this.objects.push(value) - 1;
    return `c${value.module}\n${value.name}\n${this.tuple(value.args)}\x81p${memo}\n${this.pickle(value.state)}b`;
  }

  private tuple(items: readonly Value[]): string {
    return `(${items.map((item) => this.pickle(item)).join("")}t`;
  }

  private tensor({ storage, shape, strides, offset }: TestTensor): string {
    return `ctorch._utils\n_rebuild_tensor_v2\n(${this.storage(storage)}${int(offset)}${tuple(shape)}${tuple(strides)}I00\n}tR`;
  }

  private storage(storage: TestStorage): string {
    let key = this.storages.indexOf(storage);
    if (key < 0) key = this.storages.push(storage) - 1;
    const { elements = storage.bytes.length / BYTES[storage.dtype] } = storage;
    const module = storage.dtype === "BYTES" ? "torch.storage" : "torch";
    return `(Vstorage\nc${module}\n${STORAGE_TYPES[storage.dtype]}\nV${key}\nVcpu\n${int(elements)}${this.isLegacy ? "N" : ""}tQ`;
  }
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function global(name: string): string {
  const dot = name.lastIndexOf(".");
  return `c${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`;
}

const int = (value: number): string => `L${value}L\n`;
const tuple = (values: readonly number[]): string => `(${values.map(int).join("")}t`;

/** A checkpoint as torch.save writes it since 1.6. */
export function torchZip(
  tree: Value,
  options?: ZipOptions,
  files: readonly (readonly [string, Uint8Array])[] = [],
): Buffer {
  return zip([...torchFiles(tree), ...files], options);
}

/** The same with holes, in zip64, for files of any size. */
export function sparseTorchZip(tree: Value): Sparse {
  return sparseZip(torchFiles(tree), { zip64: true });
}

function torchFiles(tree: Value): (readonly [string, Uint8Array | Hole])[] {
  const pickler = new Pickler(false);
  const pickle = Buffer.from(`${pickler.pickle(tree)}.`, "latin1");
  return [["m/data.pkl", pickle], ...pickler.storages.map(({ bytes }, key) => [`m/data/${key}`, bytes] as const)];
}

/** The magic number, the protocol and the system, as pickled by torch before 1.6. */
export const LEGACY_HEAD = Buffer.from(
  `\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e` +
    "\x80\x02M\xe9\x03." +
    "\x80\x02}Vlittle_endian\nI01\ns.",
  "latin1",
);

/** A checkpoint as torch.save wrote it before 1.6. */
export function torchLegacy(tree: Value): Buffer {
  const pickler = new Pickler(true);
  const objects = `${pickler.pickle(tree)}.`;
  const keys = `(${pickler.storages.map((_, key) => `V${key}\n`).join("")}l.`;
  const storages = pickler.storages.flatMap(({ dtype, bytes }) => {
    const count = Buffer.alloc(8);
    count.writeBigInt64LE(BigInt(bytes.length / BYTES[dtype]));
    return [count, bytes instanceof Hole ? Buffer.alloc(bytes.length) : bytes];
  });
  return Buffer.concat([LEGACY_HEAD, Buffer.from(objects + keys, "latin1"), ...storages]);
}
