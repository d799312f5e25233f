// A model in several files, with an index beside them that maps the name of each tensor to its file: {"metadata": {…},
// "weight_map": {"NAME": "model-00001-of-00002.safetensors", …}}. The files may be safetensors, as in
// model.safetensors.index.json, or torch's, as in pytorch_model.bin.index.json.
import { FileError } from "../platform/errors.js";
import { jsonProblem, parseJson } from "../platform/json.js";
import { isRecord } from "../platform/objects.js";
import type { ByteSource } from "../platform/source.js";
import { FormatError } from "./errors.js";
import { excerpt } from "../platform/printable.js";
import { describeJson } from "./foreign-format.js";
import { readHead } from "./head.js";
import type { TensorFile } from "./tensor-content.js";
import type { TensorEntry } from "./tensor-entry.js";
import { entriesFile, openTensorFile } from "./tensor-file.js";

const MAX_INDEX_BYTES = 64 * 2 ** 20;
/** Every shard stays open, and a process may open about a thousand files. */
const MAX_SHARDS = 512;

/** The tensors of all shards, as in one file. `close` closes the shards. */
export interface ShardedFile extends Pick<TensorFile, "metadata" | "model"> {
  readonly format: "safetensors-index" | "torch-index";
  readonly shards: readonly string[];
  close(): Promise<void>;
}

/**
 * Reads an index and the header of each shard. `openShard` opens a file beside the index. Rejects with FormatError, or with
 * FileError if a shard is missing.
 */
export async function openShardIndex(
  source: ByteSource,
  openShard: (name: string) => Promise<ByteSource>,
  signal?: AbortSignal,
): Promise<ShardedFile> {
  const weightMap = await readWeightMap(source, signal);
  const shards = [...new Set(weightMap.values())].sort();
  if (shards.length > MAX_SHARDS)
    throw new FormatError(source.name, `its index names ${shards.length} files; the limit is ${MAX_SHARDS}`);
  const opened: ByteSource[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((shard) => shard.close()));
  };
  try {
    const files = new Map<string, TensorFile>();
    for (const name of shards) {
      try {
        const shard = await openShard(name);
        opened.push(shard);
        files.set(name, await openTensorFile(shard, await readHead(shard, signal), signal));
      } catch (error) {
        throw shardError(error, name, source.name);
      }
    }
    const metadata = new Map([...files.values()].flatMap((file) => [...file.metadata]));
    const tensors = collectTensors(weightMap, files, source.name);
    const { model } = await entriesFile(tensors, metadata, source, signal);
    const isTorch = [...files.values()].some(({ format }) => format !== "safetensors");
    return { format: isTorch ? "torch-index" : "safetensors-index", metadata, model, shards, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The error of a shard, as an error of the index that names it. */
function shardError(error: unknown, shard: string, index: string): unknown {
  const problem = (cause: Error) => `its shard ${shard} cannot be read: ${cause.message}`;
  if (error instanceof FormatError) return new FormatError(index, problem(error), { cause: error });
  if (error instanceof FileError) return new FileError(index, problem(error), { cause: error });
  return error;
}

async function readWeightMap(source: ByteSource, signal?: AbortSignal): Promise<ReadonlyMap<string, string>> {
  if (source.size > MAX_INDEX_BYTES)
    throw new FormatError(source.name, `its index has ${source.size} bytes; the limit is ${MAX_INDEX_BYTES}`);
  const bytes = await source.read(0, source.size, signal);
  let index: unknown;
  try {
    index = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes), { takesProtoKey: true });
  } catch (cause) {
    throw new FormatError(source.name, `it begins like an index of shards, but ${jsonProblem(cause)}`, { cause });
  }
  const map: unknown = isRecord(index) ? index.weight_map : undefined;
  if (!isRecord(map) || Object.keys(map).length === 0) throw new FormatError(source.name, describeJson(index));
  return new Map(Object.entries(map).map(([name, shard]) => [name, checkedShard(shard, name, source.name)]));
}

/** A shard must be a file beside its index. Other paths could lead to other folders or servers. */
function checkedShard(shard: unknown, tensor: string, source: string): string {
  const isPlain = typeof shard === "string" && /^[^/\\:?#%\0]{1,255}$/.test(shard) && !/^\.*$/.test(shard);
  if (!isPlain)
    throw new FormatError(
      source,
      `weight_map puts tensor ${excerpt(tensor)} into ${describeShard(shard)}; expected the name of a file beside the index`,
    );
  return shard;
}

function collectTensors(
  weightMap: ReadonlyMap<string, string>,
  files: ReadonlyMap<string, TensorFile>,
  source: string,
): ReadonlyMap<string, TensorEntry> {
  const stored = new Map([...files].map(([shard, file]) => [shard, file.stored()]));
  const tensors = new Map<string, TensorEntry>();
  for (const [name, shard] of weightMap) {
    const tensor = stored.get(shard)!.get(name);
    if (!tensor)
      throw new FormatError(source, `weight_map puts tensor ${excerpt(name)} into ${shard}, which does not have it`);
    tensors.set(name, tensor);
  }
  return tensors;
}

function describeShard(shard: unknown): string {
  return typeof shard === "string" ? JSON.stringify(excerpt(shard)) : `a value of type ${typeof shard}`;
}
