// Tensors and their storages as a checkpoint describes them: where their elements are, with nothing read.
import { elementCount, isCountable, type EntryDtype } from "../dtypes.js";
import { FormatError } from "../errors.js";
import { excerpt } from "../../platform/printable.js";
import { storageType, type ElementType } from "./element-types.js";
import { describeValue, PythonName, Stateful } from "./pickle-values.js";
import { spanElements } from "./strided.js";

/** A storage: elements of one type under one key of the file, or inside the pickle. */
export class StorageRef {
  constructor(
    readonly key: string,
    /** Undefined for an unknown class, whose element size is unknown. */
    readonly type: ElementType | undefined,
    readonly elements: number,
    /** The part that tensors over this reference see: its first element and its length. torch before 0.4 had such views. */
    readonly view: readonly [start: number, elements: number] = [0, elements],
    /** The elements, if they are in the pickle. */
    readonly content?: { readonly bytes: Uint8Array; readonly isBigEndian: boolean },
  ) {}

  /** Bytes of all elements. */
  get byteLength(): number {
    return this.elements * (this.type?.bytes ?? 0);
  }
}

/** The view of a storage for a tensor that can be read. */
export interface StoredView {
  readonly storage: StorageRef;
  /** Position of the first element in the storage, in bytes. */
  readonly start: number;
  /** Steps along each axis, in elements. */
  readonly strides: readonly number[];
  /** True if the values have the opposite sign: torch's lazy negation. */
  readonly isNegated: boolean;
}

/** A tensor as the file describes it. Without `view` its values cannot be read, and `problem` says why. */
export interface TensorDescription {
  /** Name of the element type, for messages and reports. */
  readonly typeName: string;
  readonly type?: ElementType | undefined;
  readonly shape: readonly number[];
  readonly view?: StoredView;
  readonly problem?: string;
}

/** A tensor as torch saves it. Python attributes of it are dropped. */
export class TensorRef extends Stateful {
  constructor(protected description: TensorDescription) {
    super();
  }

  /** A tensor that cannot be read, with its description and the reason. */
  static unreadable(typeName: string, shape: readonly number[], problem: string): TensorRef {
    return new TensorRef({ typeName, shape, problem });
  }

  /** All that is known about it. */
  get described(): TensorDescription {
    return this.description;
  }

  get dtype(): EntryDtype {
    const { problem, type } = this.description;
    return problem === undefined ? (type?.dtype ?? "unsupported") : "unsupported";
  }

  get typeName(): string {
    return this.description.typeName;
  }

  get shape(): readonly number[] {
    return this.description.shape;
  }

  get view(): StoredView | undefined {
    return this.description.view;
  }

  /** Why its values cannot be read; undefined if they can. */
  get problem(): string | undefined {
    return this.description.problem;
  }

  /**
   * Bytes of the contiguous tensor, which may be more than the storage has, since a stride may be 0. 0 if the type is
   * unknown.
   */
  get byteLength(): number {
    return elementCount(this.shape) * (this.description.type?.bytes ?? 0);
  }

  override setState(): void {
    // Attributes of a tensor, such as hooks, are not needed.
  }
}

/**
 * The value of a persistent id: the storage for `("storage", type, key, location, elements)`, to which the legacy format
 * adds None or a view `(key, start, elements)`; the class for a legacy file's `("module", class, file, source)`. Undefined
 * for anything else. Throws FormatError for a storage with invalid numbers.
 */
export function loadPersistent(id: unknown, source: string): StorageRef | PythonName | undefined {
  const [tag, type, key, , elements, view] = Array.isArray(id) ? (id as unknown[]) : parsePersistentText(id);
  if (!(type instanceof PythonName)) return undefined;
  if (tag === "module") return type;
  if (tag !== "storage" || !(typeof key === "string" || typeof key === "number")) return undefined;
  const name = excerpt(String(key));
  if (!isSize(elements))
    throw new FormatError(source, `storage ${name} has ${describeValue(elements)} as its number of elements`);
  return new StorageRef(
    String(key),
    type.module.startsWith("torch") ? storageType(type.name) : undefined,
    elements,
    storageView(view, name, elements, source),
  );
}

/** Protocol 0 has no tuples as ids: Python writes the tuple's `str`. */
function parsePersistentText(id: unknown): unknown[] {
  const pattern =
    /^\('storage', <class '(torch(?:\.\w+)*)\.(\w+)'>, '([^'\\]{1,100})', '[^'\\]{0,100}', (\d{1,15})(?:, (?:None|\('[^'\\]{1,100}', (\d{1,15}), (\d{1,15})\)))?\)$/;
  const match = typeof id === "string" && id.length < 1000 ? pattern.exec(id) : undefined;
  if (!match) return [];
  const [, module = "", name = "", key, elements, start, length] = match;
  const view = start === undefined ? null : ["", Number(start), Number(length)];
  return ["storage", new PythonName(module, name), key, "", Number(elements), view];
}

function storageView(view: unknown, key: string, elements: number, source: string): readonly [number, number] {
  if (view === undefined || view === null) return [0, elements];
  const [, start, length] = Array.isArray(view) ? (view as unknown[]) : [];
  if (!isSize(start) || !isSize(length) || start + length > elements)
    throw new FormatError(source, `a view beyond the ${elements} elements of storage ${key}`);
  return [start, length];
}

/** Where the elements of a tensor are in a storage. Offset and strides count elements of its type. */
export interface Layout {
  readonly offset: unknown;
  readonly shape: unknown;
  readonly strides: unknown;
  readonly type: ElementType | undefined;
  readonly isNegated?: boolean;
}

/** A tensor over a storage. Throws FormatError if its numbers are invalid or go beyond the storage. */
export function viewStorage(storage: StorageRef, layout: Layout, source: string): TensorRef {
  const key = excerpt(storage.key);
  const { offset, shape, strides, type, isNegated = false } = layout;
  if (!isSize(offset) || !isSizes(shape) || !isSizes(strides) || shape.length !== strides.length)
    throw new FormatError(source, `a tensor in storage ${key} with an invalid offset, shape or strides`);
  if (!type || !storage.type) return TensorRef.unreadable("unknown", shape, "its element type is unknown");
  if (!isCountable(shape, type.bytes)) throw new FormatError(source, `a tensor in storage ${key} with too many bytes`);
  const [start, elements] = storage.view;
  const room = Math.floor((elements * storage.type.bytes) / type.bytes);
  const end = offset + spanElements({ shape, strides });
  if (end > room) throw new FormatError(source, `a tensor reaches element ${end} of storage ${key}, which has ${room}`);
  const problem = problemOf(type, isNegated) ?? repetitionProblem(elementCount(shape) * type.bytes, storage);
  const view = { storage, start: start * storage.type.bytes + offset * type.bytes, strides, isNegated };
  return new TensorRef({ typeName: type.dtype ?? type.name, type, shape, view, ...(problem && { problem }) });
}

function problemOf({ name, dtype }: ElementType, isNegated: boolean): string | undefined {
  if (dtype === undefined) return `values of type ${name} are not supported`;
  return isNegated && dtype === "BOOL" ? "booleans cannot be negated" : undefined;
}

/** Most bytes of a tensor with repeated elements, as `expand` makes them. No table of a model has more. */
const MAX_REPEATED_BYTES = 64 * 2 ** 20;

/** A stride of 0 can make terabytes from one element. */
function repetitionProblem(bytes: number, { byteLength }: StorageRef): string | undefined {
  if (bytes <= Math.max(byteLength, MAX_REPEATED_BYTES)) return undefined;
  return `its ${bytes} bytes repeat the ${byteLength} that are stored; save it with contiguous()`;
}

/** torch itself allows 64 dimensions. */
const MAX_DIMENSIONS = 64;

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** True for a shape or for strides. */
export function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length <= MAX_DIMENSIONS && value.every(isSize);
}
