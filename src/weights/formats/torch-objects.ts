// The names that torch.save writes, as data: tensors become descriptions that say where their elements lie.
import { DTYPE_BYTES, elementCount, type Dtype } from "../dtypes.js";
import { FormatError } from "../errors.js";
import { PythonName } from "./pickle-values.js";
import { spanElements } from "./strided.js";

/** A storage: elements of one type under one key of the file. Nothing of it has been read. */
export class StorageRef {
  constructor(
    readonly key: string,
    readonly dtype: Dtype,
    readonly elements: number,
    /** The part that tensors of this reference see: its first element and how many. torch before 0.4 had such views. */
    readonly view: readonly [start: number, elements: number] = [0, elements],
  ) {}
}

/** A tensor as torch saves it: a view of a storage. The offset, from the storage's start, and strides count elements. */
export class TensorRef {
  constructor(
    readonly storage: StorageRef,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}

  get dtype(): Dtype {
    return this.storage.dtype;
  }

  /** Bytes when contiguous, which may be more than the storage has: a stride may be 0. */
  get byteLength(): number {
    return elementCount(this.shape) * DTYPE_BYTES[this.dtype];
  }
}

const STORAGE_DTYPES: ReadonlyMap<string, Dtype> = new Map([
  ["DoubleStorage", "F64"],
  ["FloatStorage", "F32"],
  ["HalfStorage", "F16"],
  ["BFloat16Storage", "BF16"],
  ["LongStorage", "I64"],
  ["IntStorage", "I32"],
  ["ShortStorage", "I16"],
  ["CharStorage", "I8"],
  ["ByteStorage", "U8"],
  ["BoolStorage", "BOOL"],
]);

/**
 * The storage behind a persistent id `("storage", type, key, location, elements)`, which the legacy format follows by None
 * or a view `(key, start, elements)`. Throws FormatError.
 */
export function loadStorage(id: unknown, source: string): StorageRef {
  const [tag, type, key, , elements, view] = Array.isArray(id) ? (id as unknown[]) : [];
  if (tag !== "storage" || !(type instanceof PythonName) || typeof key !== "string" || !isSize(elements))
    throw new FormatError(source, "a persistent id that does not name a torch storage");
  const dtype = STORAGE_DTYPES.get(type.name);
  if (dtype === undefined || !type.module.startsWith("torch"))
    throw new FormatError(
      source,
      `storage ${key} is a ${type.toString()}; supported are ${[...STORAGE_DTYPES.keys()].join(", ")}`,
    );
  return new StorageRef(key, dtype, elements, storageView(view, key, elements, source));
}

function storageView(view: unknown, key: string, elements: number, source: string): readonly [number, number] {
  if (view === undefined || view === null) return [0, elements];
  const [, start, length] = Array.isArray(view) ? (view as unknown[]) : [];
  if (!isSize(start) || !isSize(length) || start + length > elements)
    throw new FormatError(source, `a view beyond the ${elements} elements of storage ${key}`);
  return [start, length];
}

/** Makes what torch's own names stand for, or gives undefined for a name that is not torch's. Throws FormatError. */
export function constructTorch(type: PythonName, args: readonly unknown[], source: string): unknown {
  switch (type.toString()) {
    case "torch._utils._rebuild_tensor":
    case "torch._utils._rebuild_tensor_v2":
      return rebuildTensor(args, source);
    // A parameter is its tensor; whether it was trained is of no interest here.
    case "torch._utils._rebuild_parameter":
    case "torch._utils._rebuild_parameter_with_state":
    case "torch.Size":
      return args[0];
    default:
      return undefined;
  }
}

/** torch itself allows 64 dimensions. */
const MAX_DIMENSIONS = 64;

function rebuildTensor([storage, offset, shape, strides]: readonly unknown[], source: string): TensorRef {
  if (!(storage instanceof StorageRef)) throw new FormatError(source, "a tensor without a storage");
  if (!isSize(offset) || !isSizes(shape) || !isSizes(strides) || shape.length !== strides.length)
    throw new FormatError(source, `a tensor in storage ${storage.key} with an impossible offset, shape or strides`);
  if (!Number.isSafeInteger(elementCount(shape) * DTYPE_BYTES[storage.dtype]))
    throw new FormatError(source, `a tensor in storage ${storage.key} with more bytes than a number can count`);
  const [start, elements] = storage.view;
  const end = offset + spanElements({ shape, strides });
  if (end > elements)
    throw new FormatError(source, `a tensor reaches element ${end} of storage ${storage.key}, which has ${elements}`);
  return new TensorRef(storage, start + offset, shape, strides);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= MAX_DIMENSIONS && value.every(isSize);
}
