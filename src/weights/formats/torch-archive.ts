// What torch's two file formats have in common: one pickled tree of objects, and the storages that its tensors view.
import { DTYPE_BYTES } from "../dtypes.js";
import { FormatError } from "../errors.js";
import { refuseAttack } from "./pickle-attack.js";
import type { UnpickleOptions } from "./pickle.js";
import { gather, isContiguous, spanElements } from "./strided.js";
import { TensorEntry, type RowRange } from "../tensor-entry.js";
import { constructTorch, loadStorage, type TensorRef } from "./torch-objects.js";

/** A trainer's save of a billion parameters with optimizer and EMA has a pickle of about a megabyte. */
export const MAX_PICKLE_BYTES = 64 * 2 ** 20;
/** What one read of a tensor with gaps may span. */
const MAX_SPAN_BYTES = 2 ** 30;

/** A file's objects, and the way from a tensor among them to its bytes. */
export interface TorchArchive {
  readonly format: "torch" | "torch-legacy" | "torchscript";
  /** Modules of a TorchScript archive are opaque objects. */
  readonly tree: unknown;
  /** A tensor of the tree under a name. Throws FormatError where the file lacks its storage. */
  readonly tensor: (name: string, ref: TensorRef) => TensorEntry;
}

/** How torch's pickles are read. */
export function torchPickle(source: string): UnpickleOptions {
  return {
    source,
    construct: (type, args) => {
      refuseAttack(type, source);
      return constructTorch(type, args, source);
    },
    persistentLoad: (id) => loadStorage(id, source),
  };
}

/** Gives `length` bytes from byte `offset` of one storage. */
export type StorageReader = (offset: number, length: number, signal?: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>;

/** A tensor over the bytes of its storage. */
export function storedTensor(name: string, ref: TensorRef, read: StorageReader): TensorEntry {
  return new TensorEntry(name, ref.dtype, ref.shape, (rows, signal) => readRows(read, name, ref, rows, signal));
}

async function readRows(
  read: StorageReader,
  name: string,
  ref: TensorRef,
  [start, end]: RowRange,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const view = { shape: ref.shape.length === 0 ? [] : [end - start, ...ref.shape.slice(1)], strides: ref.strides };
  const itemBytes = DTYPE_BYTES[ref.dtype];
  const first = ref.offset + start * (ref.strides[0] ?? 0);
  const spanBytes = spanElements(view) * itemBytes;
  if (spanBytes > MAX_SPAN_BYTES)
    throw new FormatError(
      name,
      `its elements lie scattered over ${spanBytes} bytes; save the checkpoint with contiguous tensors`,
    );
  const span = await read(first * itemBytes, spanBytes, signal);
  return isContiguous(view) ? span : gather(span, ref.dtype, view);
}
