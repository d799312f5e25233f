// What torch.save wrote before torch 1.6, and still writes with _use_new_zipfile_serialization=False: five pickles in a
// row (magic number, protocol, system, the objects, the keys of their storages), then each storage in the order of the
// keys as its element count (int64) and its elements.
// https://github.com/pytorch/pytorch/blob/v1.13.1/torch/serialization.py, _legacy_save
import type { ByteSource } from "../../platform/source.js";
import { DTYPE_BYTES } from "../dtypes.js";
import { FormatError, TruncatedError } from "../errors.js";
import { unpickleAt } from "./pickle.js";
import { MAX_PICKLE_BYTES, storedTensor, torchPickle, type StorageReader, type TorchArchive } from "./torch-archive.js";
import { StorageRef } from "./torch-objects.js";

const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;
const COUNT_BYTES = 8;
/** Nothing says how long the pickles are: this much is read first, and four times as much as long as it is too little. */
const FIRST_READ_BYTES = 2 ** 20;

/** Whether a file's first bytes are the pickled magic number: PROTO 2, LONG1 of 10 bytes. */
export function looksLikeTorchLegacy(head: Uint8Array): boolean {
  const expected = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
  return expected.every((byte, i) => head[i] === byte);
}

/** Reads the objects of a legacy file; storages stay unread. Rejects with FormatError. */
export async function openTorchLegacy(source: ByteSource, signal?: AbortSignal): Promise<TorchArchive> {
  const { tree, keys, storages, end } = await readPickles(source, signal);
  const places = placeStorages(keys, storages, end, source);
  return {
    format: "torch-legacy",
    tree,
    tensor: (name, ref) => {
      const read = places.get(ref.storage.key);
      if (!read)
        throw new FormatError(source.name, `tensor ${name}: its storage ${ref.storage.key} is not in the file`);
      return storedTensor(name, ref, read);
    },
  };
}

interface Pickles {
  readonly tree: unknown;
  readonly keys: unknown;
  /** Every storage that the tree names, by key. */
  readonly storages: ReadonlyMap<string, StorageRef>;
  /** Where the pickles end and the storages begin. */
  readonly end: number;
}

async function readPickles(source: ByteSource, signal?: AbortSignal): Promise<Pickles> {
  for (let length = FIRST_READ_BYTES; ; length *= 4) {
    const bytes = await source.read(0, Math.min(length, source.size), signal);
    try {
      return parsePickles(bytes, source.name);
    } catch (error) {
      const mayGoOn = bytes.length < source.size && length < MAX_PICKLE_BYTES;
      if (!(error instanceof TruncatedError && mayGoOn)) throw error;
    }
  }
}

function parsePickles(bytes: Uint8Array, source: string): Pickles {
  const storages = new Map<string, StorageRef>();
  const options = torchPickle(source);
  const persistentLoad = (id: unknown): unknown => {
    const storage = options.persistentLoad(id);
    if (storage instanceof StorageRef) addStorage(storages, storage, source);
    return storage;
  };
  let end = 0;
  const next = (): unknown => {
    const pickle = unpickleAt(bytes, end, { ...options, persistentLoad });
    end = pickle.end;
    return pickle.value;
  };
  if (next() !== MAGIC_NUMBER || next() !== PROTOCOL)
    throw new FormatError(source, `not the format ${PROTOCOL} that torch wrote before 1.6`);
  const system = next();
  if (system instanceof Map && system.get("little_endian") === false)
    throw new FormatError(source, "its byte order is big-endian; save it again on a little-endian machine");
  const tree = next();
  const keys = next();
  return { tree, keys, storages, end };
}

function addStorage(storages: Map<string, StorageRef>, storage: StorageRef, source: string): void {
  const known = storages.get(storage.key);
  if (known && (known.dtype !== storage.dtype || known.elements !== storage.elements))
    throw new FormatError(source, `storage ${storage.key} is described twice, and differently`);
  storages.set(storage.key, storage);
}

/** Finds where each storage lies, from the sizes that the pickle gives; they must fill the rest of the file. */
function placeStorages(
  keys: unknown,
  storages: ReadonlyMap<string, StorageRef>,
  start: number,
  source: ByteSource,
): ReadonlyMap<string, StorageReader> {
  if (!Array.isArray(keys)) throw new FormatError(source.name, "its list of storages is no list");
  const places = new Map<string, StorageReader>();
  let position = start;
  for (const key of keys as readonly unknown[]) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (!storage || places.has(storage.key))
      throw new FormatError(source.name, `its list of storages names ${String(key)}, twice or without a tensor in it`);
    places.set(storage.key, storageReader(source, position, storage));
    position += COUNT_BYTES + storage.elements * DTYPE_BYTES[storage.dtype];
  }
  if (!(position <= source.size))
    throw new FormatError(
      source.name,
      `its storages end at byte ${position}, the file at ${source.size}; is the file truncated?`,
    );
  return places;
}

function storageReader(source: ByteSource, position: number, storage: StorageRef): StorageReader {
  let checked = false;
  const check = async (signal?: AbortSignal): Promise<void> => {
    const count = new DataView((await source.read(position, COUNT_BYTES, signal)).buffer).getBigInt64(0, true);
    if (count !== BigInt(storage.elements))
      throw new FormatError(
        source.name,
        `storage ${storage.key} has ${count} elements at byte ${position}, ${storage.elements} are claimed`,
      );
    checked = true;
  };
  return async (offset, length, signal) => {
    if (!checked) await check(signal);
    return source.read(position + COUNT_BYTES + offset, length, signal);
  };
}
