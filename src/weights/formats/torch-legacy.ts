// The format of torch.save before torch 1.6, and still with _use_new_zipfile_serialization=False: five pickles in a row
// (magic number, protocol, system, the objects, the keys of their storages), then each storage in the order of the keys, as
// its element count (int64) and its elements. Numbers are little-endian on every machine. (torch 1.13.1,
// torch/serialization.py, _legacy_save)
import type { ByteSource } from "../../platform/source.js";
import { FormatError, TruncatedError } from "../errors.js";
import { excerpt } from "../../platform/printable.js";
import { Budget } from "./budget.js";
import { unpickleAt } from "./pickle.js";
import { describeValue } from "./pickle-values.js";
import {
  MAX_PICKLE_BYTES,
  storedTensor,
  torchPickle,
  type OpenedStorage,
  type StorageReader,
  type Storages,
  type TorchArchive,
} from "./torch-archive.js";
import { MAGIC_NUMBER } from "./torch-magic.js";
import { StorageRef } from "./torch-objects.js";

const PROTOCOL = 1001;
const COUNT_BYTES = 8;
/** The length of the pickles is unknown: this much is read first, then four times as much until it is enough. */
const FIRST_READ_BYTES = 2 ** 20;

/** Reads the objects of a legacy file, but no storages. Rejects with FormatError. */
export async function openTorchLegacy(source: ByteSource, signal?: AbortSignal): Promise<TorchArchive> {
  const { tree, keys, storages, end, budget } = await readPickles(source, signal);
  const places = placeStorages(keys, storages, end, source, budget);
  const open: Storages["open"] = (storage, tensorName) => {
    budget.spend(1 + (storage.key.length >> 3));
    const place = places.get(storage.key);
    if (place) return place;
    throw new FormatError(
      source.name,
      `tensor ${excerpt(tensorName)}: its storage ${excerpt(storage.key)} is not in the file`,
    );
  };
  const held = { source: source.name, isBigEndian: false, open };
  return { format: "torch-legacy", tree, tensor: (name, ref) => storedTensor(name, ref, held), budget };
}

interface Pickles {
  readonly tree: unknown;
  readonly keys: unknown;
  /** Every storage that the tree names, by key. */
  readonly storages: ReadonlyMap<string, StorageRef>;
  /** Where the pickles end and the storages begin. */
  readonly end: number;
  readonly budget: Budget;
}

async function readPickles(source: ByteSource, signal?: AbortSignal): Promise<Pickles> {
  for (let length = FIRST_READ_BYTES; ; length *= 4) {
    const bytes = await source.read(0, Math.min(length, source.size), signal);
    try {
      return parsePickles(bytes, source.name, new Budget(source.name, bytes.length));
    } catch (error) {
      const mayGoOn = bytes.length < source.size && length < MAX_PICKLE_BYTES;
      if (!(error instanceof TruncatedError && mayGoOn)) throw error;
    }
  }
}

function parsePickles(bytes: Uint8Array, source: string, budget: Budget): Pickles {
  const storages = new Map<string, StorageRef>();
  const options = torchPickle(source, budget);
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
    throw new FormatError(source, `its format version is not ${PROTOCOL}, which torch wrote before 1.6`);
  // The system that wrote it.
  next();
  const tree = next();
  const keys = next();
  return { tree, keys, storages, end, budget };
}

function addStorage(storages: Map<string, StorageRef>, storage: StorageRef, source: string): void {
  const known = storages.get(storage.key);
  if (known && (known.type !== storage.type || known.elements !== storage.elements))
    throw new FormatError(source, `storage ${excerpt(storage.key)} has two different descriptions`);
  storages.set(storage.key, storage);
}

/** Computes the position of each storage from the sizes in the pickle. Other bytes may follow them. */
function placeStorages(
  keys: unknown,
  storages: ReadonlyMap<string, StorageRef>,
  start: number,
  source: ByteSource,
  budget: Budget,
): ReadonlyMap<string, OpenedStorage> {
  if (!Array.isArray(keys)) throw new FormatError(source.name, "its list of storages is not a list");
  const places = new Map<string, OpenedStorage>();
  let position: number | undefined = start;
  for (const key of keys as readonly unknown[]) {
    budget.spend(1 + (typeof key === "string" ? key.length >> 3 : 0));
    const storage = storages.get(typeof key === "number" ? `${key}` : typeof key === "string" ? key : "");
    if (!storage || places.has(storage.key))
      throw new FormatError(
        source.name,
        `its list of storages names ${describeValue(key)}, twice or without a tensor in it`,
      );
    const read = position === undefined ? unknownPlace(source, storage) : storageReader(source, position, storage);
    places.set(storage.key, { read, position: position ?? 0 });
    // The position of a storage after one with an unknown element size is unknown.
    position = position === undefined || !storage.type ? undefined : position + COUNT_BYTES + storage.byteLength;
  }
  if (position !== undefined && !(position <= source.size))
    throw new FormatError(
      source.name,
      `its storages end at byte ${position}, but the file has ${source.size} bytes; it may be truncated`,
    );
  return places;
}

function unknownPlace(source: ByteSource, storage: StorageRef): StorageReader {
  const problem = `storage ${excerpt(storage.key)} follows one whose element type is unknown`;
  return () => Promise.reject(new FormatError(source.name, problem));
}

function storageReader(source: ByteSource, position: number, storage: StorageRef): StorageReader {
  let checked = false;
  const check = async (signal?: AbortSignal): Promise<void> => {
    const count = new DataView((await source.read(position, COUNT_BYTES, signal)).buffer).getBigInt64(0, true);
    if (count !== BigInt(storage.elements))
      throw new FormatError(
        source.name,
        `storage ${excerpt(storage.key)} has ${count} elements at byte ${position}; expected ${storage.elements}`,
      );
    checked = true;
  };
  return async (offset, length, signal) => {
    if (!checked) await check(signal);
    return source.read(position + COUNT_BYTES + offset, length, signal);
  };
}
