// The format of torch.save since torch 1.6, and of torch.jit.save before: a zip with the objects in `data.pkl` and each
// storage as a file `data/KEY`. (torch 1.13.1, torch/serialization.py, _save)
import type { ByteSource } from "../../platform/source.js";
import { FormatError } from "../errors.js";
import { excerpt } from "../../platform/printable.js";
import { describeZip } from "../foreign-format.js";
import { Budget } from "./budget.js";
import { unpickle } from "./pickle.js";
import { MAX_PICKLE_BYTES, storedTensor, torchPickle, type Storages, type TorchArchive } from "./torch-archive.js";
import type { StorageRef } from "./torch-objects.js";
import { openZip, type ZipEntry } from "./zip.js";

const PICKLE = "data.pkl";
const CONSTANTS = "constants.pkl";
/** Other tools may compress the pickle: a small file may unpack to a large one. */
const MAX_DEFLATED_PICKLE_BYTES = 64 * 2 ** 20;

/** Reads the objects of a torch archive, but no storages. Rejects with FormatError. */
export async function openTorchZip(source: ByteSource, signal?: AbortSignal): Promise<TorchArchive> {
  const entries = await openZip(source, signal);
  const root = rootFolder(entries, source.name);
  const isBigEndian = await readByteOrder(entries.get(`${root}byteorder`), source.name, signal);
  const pickle = await readPickle(entries.get(root + PICKLE)!, source.name, signal);
  const budget = new Budget(source.name, Math.min(source.size, pickle.length));
  const storages: Storages = {
    source: source.name,
    isBigEndian,
    open: (storage, tensorName) => {
      budget.spend(1 + (storage.key.length >> 3));
      const entry = storageEntry(entries, `${root}data/${storage.key}`, tensorName, storage, source.name);
      return { read: (offset, length, abort) => entry.read(offset, length, abort), position: entry.position };
    },
  };
  return {
    format: entries.has(root + CONSTANTS) ? "torchscript" : "torch",
    tree: unpickle(pickle, torchPickle(source.name, budget)),
    tensor: (name, ref) => storedTensor(name, ref, storages),
    budget,
  };
}

/** torch puts everything into one folder, which has the name of the file when it was first written. */
function rootFolder(entries: ReadonlyMap<string, ZipEntry>, source: string): string {
  const pickles = [...entries.keys()].filter((name) => name === PICKLE || name.endsWith(`/${PICKLE}`));
  if (pickles.length === 0) throw new FormatError(source, describeZip(entries.keys()));
  if (pickles.length !== 1)
    throw new FormatError(source, `a zip with ${pickles.length} files ${PICKLE}; a torch checkpoint has exactly one`);
  return pickles[0]!.slice(0, -PICKLE.length);
}

/** True if the storages are big-endian. */
async function readByteOrder(entry: ZipEntry | undefined, source: string, signal?: AbortSignal): Promise<boolean> {
  if (!entry) return false;
  const order = new TextDecoder().decode(await entry.read(0, Math.min(entry.size, 16), signal));
  if (order !== "little" && order !== "big")
    throw new FormatError(source, `its byte order is "${excerpt(order)}", not "little" or "big"`);
  return order === "big";
}

function readPickle(entry: ZipEntry, source: string, signal?: AbortSignal): Promise<Uint8Array> {
  const most = entry.isDeflated ? MAX_DEFLATED_PICKLE_BYTES : MAX_PICKLE_BYTES;
  if (entry.size > most) throw new FormatError(source, `${PICKLE} has ${entry.size} bytes; the limit is ${most}`);
  return entry.read(0, entry.size, signal);
}

function storageEntry(
  entries: ReadonlyMap<string, ZipEntry>,
  path: string,
  tensorName: string,
  storage: StorageRef,
  source: string,
): ZipEntry {
  const entry = entries.get(path);
  const of = `tensor ${excerpt(tensorName)}: its storage ${excerpt(path)}`;
  if (!entry) throw new FormatError(source, `${of} is not in the archive`);
  if (entry.size < storage.byteLength)
    throw new FormatError(source, `${of} has ${entry.size} bytes; expected ${storage.byteLength}`);
  return entry;
}
