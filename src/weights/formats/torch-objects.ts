// Tensors and their storages as a checkpoint describes them: where their elements lie, with nothing read.
import { elementCount, isCountable, type EntryDtype } from "../dtypes.js";
import { FormatError } from "../errors.js";
import { excerpt } from "../../platform/printable.js";
import { storageType, type ElementType } from "./element-types.js";
import { describeValue, PythonName, Stateful } from "./pickle-values.js";
import { spanElements } from "./strided.js";

/** A storage: elements of one type under one key of the file, or within the pickle itself. */
export class StorageRef {
  constructor(
    readonly key: string,
    /** Undefined for a class that this library does not know, whose elements have an unknown size. */
    readonly type: ElementType | undefined,
    readonly elements: number,
    /** The part that tensors of this reference see: its first element and how many. torch before 0.4 had such views. */
    readonly view: readonly [start: number, elements: number] = [0, elements],
    /** The elements, where the pickle holds them. */
    readonly content?: { readonly bytes: Uint8Array; readonly isBigEndian: boolean },
  ) {}

  /** Bytes of all elements. */
  get byteLength(): number {
    return this.elements * (this.type?.bytes ?? 0);
  }
}

/** A tensor whose values can be read: a view of a storage. */
export interface StoredView {
  readonly storage: StorageRef;
  /** The first element's place in the storage, in bytes. */
  readonly start: number;
  /** Steps from element to element along each axis, in elements. */
  readonly strides: readonly number[];
  /** Whether the values are those in the storage with the opposite sign: torch's lazy negation. */
  readonly isNegated: boolean;
}

/** What a file says of a tensor. Without a `view` its values cannot be read, and `problem` says why. */
export interface TensorDescription {
  /** The element type's name, for messages and reports. */
  readonly typeName: string;
  readonly type?: ElementType | undefined;
  readonly shape: readonly number[];
  readonly view?: StoredView;
  readonly problem?: string;
}

/** A tensor as torch saves it. Attributes that Python would hang on it are not kept. */
export class TensorRef extends Stateful {
  constructor(protected description: TensorDescription) {
    super();
  }

  /** A tensor of which no more is known than what it is and why it cannot be read. */
  static unreadable(typeName: string, shape: readonly number[], problem: string): TensorRef {
    return new TensorRef({ typeName, shape, problem });
  }

  /** All that is known of it. */
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

  /** Why its values cannot be read; undefined where they can. */
  get problem(): string | undefined {
    return this.description.problem;
  }

  /** Bytes when contiguous, which may be more than the storage has: a stride may be 0. 0 where the type is unknown. */
  get byteLength(): number {
    return elementCount(this.shape) * (this.description.type?.bytes ?? 0);
  }

  override setState(): void {
    // Attributes of a tensor, such as hooks, are of no interest here.
  }
}

/**
 * What a persistent id stands for: the storage of `("storage", type, key, location, elements)`, which the legacy format
 * follows by None or a view `(key, start, elements)`; the class of a legacy file's `("module", class, file, source)`.
 * Undefined for anything else. Throws FormatError for a storage with impossible numbers.
 */
export function loadPersistent(id: unknown, source: string): StorageRef | PythonName | undefined {
  const [tag, type, key, , elements, view] = Array.isArray(id) ? (id as unknown[]) : parsePersistentText(id);
  if (!(type instanceof PythonName)) return undefined;
  if (tag === "module") return type;
  if (tag !== "storage" || !(typeof key === "string" || typeof key === "number")) return undefined;
  const name = excerpt(String(key));
  if (!isSize(elements))
    throw new FormatError(source, `storage ${name} has ${describeValue(elements)} for its number of elements`);
  return new StorageRef(
    String(key),
    type.module.startsWith("torch") ? storageType(type.name) : undefined,
    elements,
    storageView(view, name, elements, source),
  );
}

/** Protocol 0 has no tuples as ids: Python writes what `str` makes of them. */
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

/** Where and how the elements of a tensor lie in a storage; offset and strides count elements of its type. */
export interface Layout {
  readonly offset: unknown;
  readonly shape: unknown;
  readonly strides: unknown;
  readonly type: ElementType | undefined;
  readonly isNegated?: boolean;
}

/** A tensor over a storage. Throws FormatError where its numbers are impossible or go beyond the storage. */
export function viewStorage(storage: StorageRef, layout: Layout, source: string): TensorRef {
  const key = excerpt(storage.key);
  const { offset, shape, strides, type, isNegated = false } = layout;
  if (!isSize(offset) || !isSizes(shape) || !isSizes(strides) || shape.length !== strides.length)
    throw new FormatError(source, `a tensor in storage ${key} with an impossible offset, shape or strides`);
  if (!type || !storage.type) return TensorRef.unreadable("unknown", shape, "its element type is unknown");
  if (!isCountable(shape, type.bytes))
    throw new FormatError(source, `a tensor in storage ${key} with more bytes than a number can count`);
  const [start, elements] = storage.view;
  const room = Math.floor((elements * storage.type.bytes) / type.bytes);
  const end = offset + spanElements({ shape, strides });
  if (end > room) throw new FormatError(source, `a tensor reaches element ${end} of storage ${key}, which has ${room}`);
  const problem = problemOf(type, isNegated) ?? repetitionProblem(elementCount(shape) * type.bytes, storage);
  const view = { storage, start: start * storage.type.bytes + offset * type.bytes, strides, isNegated };
  return new TensorRef({ typeName: type.dtype ?? type.name, type, shape, view, ...(problem && { problem }) });
}

function problemOf({ name, dtype }: ElementType, isNegated: boolean): string | undefined {
  if (dtype === undefined) return `values of type ${name} are not read`;
  return isNegated && dtype === "BOOL" ? "booleans have no negative" : undefined;
}

/** Bytes that a tensor may have whose elements stand for one another, as `expand` makes them. No table of a model has more. */
const MAX_REPEATED_BYTES = 64 * 2 ** 20;

/** A stride of 0 makes terabytes of a single element. */
function repetitionProblem(bytes: number, { byteLength }: StorageRef): string | undefined {
  if (bytes <= Math.max(byteLength, MAX_REPEATED_BYTES)) return undefined;
  return `its ${bytes} bytes repeat the ${byteLength} that are stored; save it after contiguous()`;
}

/** torch itself allows 64 dimensions. */
const MAX_DIMENSIONS = 64;

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Whether a value is a shape, or strides. */
export function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length <= MAX_DIMENSIONS && value.every(isSize);
}
