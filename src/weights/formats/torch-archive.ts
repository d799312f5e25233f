// What torch's two file formats have in common: one pickled tree of objects, and the storages that its tensors view.
import { DTYPE_BYTES } from "../dtypes.js";
import { FormatError } from "../errors.js";
import { excerpt } from "../../platform/printable.js";
import { TensorEntry, type RowRange } from "../tensor-entry.js";
import type { Budget } from "./budget.js";
import { negate, swapBytes } from "./element-bytes.js";
import { constructNumpy } from "./numpy-objects.js";
import { refuseAttack } from "./pickle-attack.js";
import type { UnpickleOptions } from "./pickle.js";
import { OpaqueObject, PythonName } from "./pickle-values.js";
import { gather, isContiguous, spanElements } from "./strided.js";
import { loadPersistent, type StorageRef, type StoredView, type TensorRef } from "./torch-objects.js";
import { constructTorch } from "./torch-rebuild.js";

/** The pickle of a billion parameters with optimizer and EMA takes about a megabyte. Logs may be longer. */
export const MAX_PICKLE_BYTES = 256 * 2 ** 20;
/** Most bytes of one read for a tensor with gaps. */
const MAX_SPAN_BYTES = 2 ** 30;

/** A file's objects, and access to the bytes of its tensors. */
export interface TorchArchive {
  readonly format: "torch" | "torch-legacy" | "torchscript";
  /** Modules of a TorchScript archive are opaque objects. */
  readonly tree: unknown;
  /** A tensor of the tree, with a name for it. Throws FormatError if the file lacks its storage. */
  readonly tensor: (name: string, ref: TensorRef) => TensorEntry;
  /** What remains for walking the tree. */
  readonly budget: Budget;
}

/** How to read torch's pickles. */
export function torchPickle(source: string, budget: Budget): UnpickleOptions {
  return {
    source,
    budget,
    construct: (call) => {
      refuseAttack(call, source);
      return constructTorch(call, source, budget) ?? constructNumpy(call, source, budget);
    },
    persistentLoad: (id) =>
      loadPersistent(id, source) ?? new OpaqueObject(new PythonName("pickle", "persistent id"), []),
  };
}

/** Reads `length` bytes of one storage from byte `offset`. */
export type StorageReader = (offset: number, length: number, signal?: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>;

/** A storage of an archive. */
export interface OpenedStorage {
  readonly read: StorageReader;
  /** About where it begins in the file. */
  readonly position: number;
}

/** Access to the storages of an archive. */
export interface Storages {
  /** The file's name, for messages. */
  readonly source: string;
  readonly isBigEndian: boolean;
  /** Throws FormatError, which names the tensor, if the storage is not in the file. */
  readonly open: (storage: StorageRef, tensorName: string) => OpenedStorage;
}

/** A tensor over the bytes of its storage. */
export function storedTensor(name: string, ref: TensorRef, storages: Storages): TensorEntry {
  const { dtype, shape, view, problem = "its values are not supported", typeName } = ref;
  if (dtype === "unsupported" || !view)
    return new TensorEntry(name, { typeName, problem, source: storages.source }, shape);
  const itemBytes = DTYPE_BYTES[dtype];
  const { content, type } = view.storage;
  const { read, position } = content
    ? { read: memoryReader(content.bytes), position: 0 }
    : storages.open(view.storage, name);
  const isBigEndian = content?.isBigEndian ?? storages.isBigEndian;
  const readTensor = async (rows: RowRange, signal?: AbortSignal) => {
    const bytes = await readRows(read, { name, shape, view, itemBytes }, rows, signal);
    // torch swaps by the elements of the storage too, which are bytes if it is untyped.
    if (isBigEndian) swapBytes(bytes, type?.bytes ?? 1);
    if (view.isNegated) negate(bytes, dtype);
    return bytes;
  };
  return new TensorEntry(name, dtype, shape, readTensor, position + view.start);
}

function memoryReader(bytes: Uint8Array): StorageReader {
  return (offset, length) => Promise.resolve(new Uint8Array(bytes.subarray(offset, offset + length)));
}

interface Elements {
  readonly name: string;
  readonly shape: readonly number[];
  readonly view: StoredView;
  readonly itemBytes: number;
}

async function readRows(
  read: StorageReader,
  { name, shape, view: stored, itemBytes }: Elements,
  [start, end]: RowRange,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const { strides } = stored;
  const view = { shape: shape.length === 0 ? [] : [end - start, ...shape.slice(1)], strides };
  const first = stored.start + start * (strides[0] ?? 0) * itemBytes;
  const spanBytes = spanElements(view) * itemBytes;
  if (spanBytes > MAX_SPAN_BYTES)
    throw new FormatError(excerpt(name), `its elements are scattered over ${spanBytes} bytes`, {
      advice: "save the checkpoint with contiguous tensors",
    });
  const span = await read(first, spanBytes, signal);
  return isContiguous(view) ? span : gather(span, itemBytes, view);
}
