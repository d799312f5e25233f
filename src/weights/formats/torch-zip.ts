// What torch.save has written since torch 1.6, and torch.jit.save before: a zip with the objects in `data.pkl` and each
// storage as a file `data/KEY`. https://github.com/pytorch/pytorch/blob/v1.13.1/torch/serialization.py
import type { ByteSource } from "../../platform/source.js";
import { DTYPE_BYTES } from "../dtypes.js";
import { FormatError } from "../errors.js";
import { describeZip } from "../foreign-format.js";
import { unpickle } from "./pickle.js";
import { MAX_PICKLE_BYTES, storedTensor, torchPickle, type TorchArchive } from "./torch-archive.js";
import type { TensorRef } from "./torch-objects.js";
import { openZip, type ZipEntry } from "./zip.js";

const PICKLE = "data.pkl";
const CONSTANTS = "constants.pkl";

/** Reads the objects of a torch archive; storages stay unread. Rejects with FormatError. */
export async function openTorchZip(source: ByteSource, signal?: AbortSignal): Promise<TorchArchive> {
  const entries = await openZip(source, signal);
  const root = rootFolder(entries, source.name);
  await checkByteOrder(entries.get(`${root}byteorder`), source.name, signal);
  const pickle = await readPickle(entries.get(root + PICKLE)!, source.name, signal);
  return {
    format: entries.has(root + CONSTANTS) ? "torchscript" : "torch",
    tree: unpickle(pickle, torchPickle(source.name)),
    tensor: (name, ref) => {
      const storage = storageEntry(entries, `${root}data/${ref.storage.key}`, name, ref, source.name);
      return storedTensor(name, ref, (offset, length, abort) => storage.read(offset, length, abort));
    },
  };
}

/** torch puts everything into one folder, named after the file as it was first written. */
function rootFolder(entries: ReadonlyMap<string, ZipEntry>, source: string): string {
  const pickles = [...entries.keys()].filter((name) => name === PICKLE || name.endsWith(`/${PICKLE}`));
  if (pickles.length === 0) throw new FormatError(source, describeZip(entries.keys()));
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
