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

/** A trainer's save of a billion parameters with optimizer and EMA has a pickle of about a megabyte; its logs may be longer. */
export const MAX_PICKLE_BYTES = 256 * 2 ** 20;
/** What one read of a tensor with gaps may span. */
const MAX_SPAN_BYTES = 2 ** 30;

/** A file's objects, and the way from a tensor among them to its bytes. */
export interface TorchArchive {
  readonly format: "torch" | "torch-legacy" | "torchscript";
  /** Modules of a TorchScript archive are opaque objects. */
  readonly tree: unknown;
  /** A tensor of the tree under a name. Throws FormatError where the file lacks its storage. */
  readonly tensor: (name: string, ref: TensorRef) => TensorEntry;
  /** What is left to spend on walking the tree. */
  readonly budget: Budget;
}

/** How torch's pickles are read. */
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

/** Gives `length` bytes from byte `offset` of one storage. */
export type StorageReader = (offset: number, length: number, signal?: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>;

/** How an archive holds its storages. */
export interface Storages {
  /** The file's name, for messages. */
  readonly source: string;
  readonly isBigEndian: boolean;
  /** Throws FormatError, about the named tensor, where the storage is not in the file. */
  readonly open: (storage: StorageRef, tensorName: string) => StorageReader;
}

/** A tensor over the bytes of its storage. */
export function storedTensor(name: string, ref: TensorRef, storages: Storages): TensorEntry {
  const { dtype, shape, view, problem = "its values are not read", typeName } = ref;
  if (dtype === "unsupported" || !view)
    return new TensorEntry(name, { typeName, problem, source: storages.source }, shape);
  const itemBytes = DTYPE_BYTES[dtype];
  const { content, type } = view.storage;
  const read = content ? memoryReader(content.bytes) : storages.open(view.storage, name);
  const isBigEndian = content?.isBigEndian ?? storages.isBigEndian;
  return new TensorEntry(name, dtype, shape, async (rows, signal) => {
    const bytes = await readRows(read, { name, shape, view, itemBytes }, rows, signal);
    // torch, too, swaps by the elements of the storage, which are bytes where it is untyped.
    if (isBigEndian) swapBytes(bytes, type?.bytes ?? 1);
    if (view.isNegated) negate(bytes, dtype);
    return bytes;
  });
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
    throw new FormatError(excerpt(name), `its elements lie scattered over ${spanBytes} bytes`, {
      advice: "save the checkpoint with contiguous tensors",
    });
  const span = await read(first, spanBytes, signal);
  return isContiguous(view) ? span : gather(span, itemBytes, view);
}
