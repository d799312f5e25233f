// What torch.save has written since torch 1.6, and torch.jit.save before: a zip with the objects in `data.pkl` and each
// storage as a file `data/KEY`. https://github.com/pytorch/pytorch/blob/v1.13.1/torch/serialization.py
import type { ByteSource } from "../platform/source.js";
import { DTYPE_BYTES } from "./dtypes.js";
import { FormatError } from "./errors.js";
import { unpickle } from "./pickle.js";
import { gather, isContiguous, spanElements } from "./strided.js";
import { TensorEntry } from "./tensor-entry.js";
import { constructTorch, loadStorage, type TensorRef } from "./torch-objects.js";
import { openZip, type ZipEntry } from "./zip.js";

const PICKLE = "data.pkl";
const CONSTANTS = "constants.pkl";
/** A trainer's save of a billion parameters with optimizer and EMA has a pickle of about a megabyte. */
const MAX_PICKLE_BYTES = 64 * 2 ** 20;
/** What one read of a tensor with gaps may span. */
const MAX_SPAN_BYTES = 2 ** 30;

/** An archive's objects, and the way from a tensor among them to its bytes. */
export interface TorchArchive {
  /** Whether torch.jit.save wrote it: then `tree` holds modules as opaque objects. */
  readonly isScript: boolean;
  readonly tree: unknown;
  /** A tensor of the tree under a name. Throws FormatError where the archive lacks its storage. */
  readonly tensor: (name: string, ref: TensorRef) => TensorEntry;
}

/** Reads the objects of a torch archive; storages stay unread. Rejects with FormatError. */
export async function openTorchZip(source: ByteSource, signal?: AbortSignal): Promise<TorchArchive> {
  const entries = await openZip(source, signal);
  const root = rootFolder(entries, source.name);
  await checkByteOrder(entries.get(`${root}byteorder`), source.name, signal);
  const tree = unpickle(await readPickle(entries.get(root + PICKLE)!, source.name, signal), {
    source: source.name,
    construct: (type, args) => constructTorch(type, args, source.name),
    persistentLoad: (id) => loadStorage(id, source.name),
  });
  const tensor = (name: string, ref: TensorRef): TensorEntry => {
    const storage = storageEntry(entries, `${root}data/${ref.storage.key}`, name, ref, source.name);
    return new TensorEntry(name, ref.dtype, ref.shape, (rows, abort) => readRows(storage, name, ref, rows, abort));
  };
  return { isScript: entries.has(root + CONSTANTS), tree, tensor };
}

/** torch puts everything into one folder, named after the file as it was first written. */
function rootFolder(entries: ReadonlyMap<string, ZipEntry>, source: string): string {
  const pickles = [...entries.keys()].filter((name) => name === PICKLE || name.endsWith(`/${PICKLE}`));
  if (pickles.length !== 1)
    throw new FormatError(source, `a zip with ${pickles.length} files ${PICKLE}; a torch checkpoint has one`);
  return pickles[0]!.slice(0, -PICKLE.length);
}

async function checkByteOrder(entry: ZipEntry | undefined, source: string, signal?: AbortSignal): Promise<void> {
  if (!entry) return;
  const order = new TextDecoder().decode(await entry.read(0, Math.min(entry.size, 16), signal));
  if (order !== "little")
    throw new FormatError(source, `its byte order is "${order}"; save it again on a little-endian machine`);
}

function readPickle(entry: ZipEntry, source: string, signal?: AbortSignal): Promise<Uint8Array> {
  if (entry.size > MAX_PICKLE_BYTES)
    throw new FormatError(source, `${PICKLE} has ${entry.size} bytes; at most ${MAX_PICKLE_BYTES} are read`);
  return entry.read(0, entry.size, signal);
}

function storageEntry(
  entries: ReadonlyMap<string, ZipEntry>,
  path: string,
  name: string,
  { storage }: TensorRef,
  source: string,
): ZipEntry {
  const entry = entries.get(path);
  if (!entry) throw new FormatError(source, `tensor ${name}: its storage ${path} is not in the archive`);
  const needed = storage.elements * DTYPE_BYTES[storage.dtype];
  if (entry.size < needed)
    throw new FormatError(source, `tensor ${name}: its storage ${path} has ${entry.size} bytes, ${needed} are claimed`);
  return entry;
}

async function readRows(
  storage: ZipEntry,
  name: string,
  ref: TensorRef,
  [start, end]: readonly [number, number],
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
  const span = await storage.read(first * itemBytes, spanBytes, signal);
  return isContiguous(view) ? span : gather(span, ref.dtype, view);
}
