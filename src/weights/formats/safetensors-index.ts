// A model cut into several safetensors files, with an index beside them that maps each tensor's name to its file:
// {"metadata": {…}, "weight_map": {"NAME": "model-00001-of-00002.safetensors", …}}
import { jsonProblem, parseJson } from "../../platform/json.js";
import type { ByteSource } from "../../platform/source.js";
import { FormatError } from "../errors.js";
import { excerpt } from "../excerpt.js";
import { openSafetensors, type SafetensorsFile } from "./safetensors.js";
import type { TensorEntry } from "../tensor-entry.js";

const MAX_INDEX_BYTES = 64 * 2 ** 20;
/** Every shard stays open, and a process may open about a thousand files. */
const MAX_SHARDS = 512;

/** The tensors of all shards as one file's. `close` closes the shards. */
export interface ShardedSafetensors extends SafetensorsFile {
  readonly shards: readonly string[];
  close(): Promise<void>;
}

/** Whether a file begins as a JSON object does. */
export function looksLikeJson(head: Uint8Array): boolean {
  return /^\s*\{/.test(new TextDecoder("latin1").decode(head));
}

/**
 * Reads an index and the header of each shard that it names; `openShard` opens a file beside the index. Rejects with
 * FormatError, or with FileError where a shard is missing.
 */
export async function openSafetensorsIndex(
  source: ByteSource,
  openShard: (name: string) => Promise<ByteSource>,
  signal?: AbortSignal,
): Promise<ShardedSafetensors> {
  const weightMap = await readWeightMap(source, signal);
  const shards = [...new Set(weightMap.values())].sort();
  if (shards.length > MAX_SHARDS)
    throw new FormatError(source.name, `an index of ${shards.length} files; at most ${MAX_SHARDS} are opened`);
  const opened: ByteSource[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((shard) => shard.close()));
  };
  try {
    const files = new Map<string, SafetensorsFile>();
    for (const name of shards) {
      const shard = await openShard(name);
      opened.push(shard);
      files.set(name, await openSafetensors(shard, signal));
    }
    const metadata = new Map([...files.values()].flatMap((file) => [...file.metadata]));
    return { metadata, tensors: collectTensors(weightMap, files, source.name), shards, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readWeightMap(source: ByteSource, signal?: AbortSignal): Promise<ReadonlyMap<string, string>> {
  if (source.size > MAX_INDEX_BYTES)
    throw new FormatError(source.name, `an index of ${source.size} bytes; at most ${MAX_INDEX_BYTES} are read`);
  const bytes = await source.read(0, source.size, signal);
  let index: unknown;
  try {
    index = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes), { takesProtoKey: true });
  } catch (cause) {
    throw new FormatError(source.name, `begins like an index of safetensors, but ${jsonProblem(cause)}`, { cause });
  }
  const map: unknown = isRecord(index) ? index.weight_map : undefined;
  if (!isRecord(map) || Object.keys(map).length === 0)
    throw new FormatError(source.name, "no checkpoint: JSON without the weight_map of a model.safetensors.index.json");
  return new Map(Object.entries(map).map(([name, shard]) => [name, checkedShard(shard, name, source.name)]));
}

/** A shard must be a file beside its index: anything else in its name could reach other folders or other servers. */
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
  files: ReadonlyMap<string, SafetensorsFile>,
  source: string,
): ReadonlyMap<string, TensorEntry> {
  const tensors = new Map<string, TensorEntry>();
  for (const [name, shard] of weightMap) {
    const tensor = files.get(shard)!.tensors.get(name);
    if (!tensor)
      throw new FormatError(source, `weight_map puts tensor ${excerpt(name)} into ${shard}, which does not have it`);
    tensors.set(name, tensor);
  }
  return tensors;
}

function describeShard(shard: unknown): string {
  return typeof shard === "string" ? JSON.stringify(excerpt(shard)) : `a value of type ${typeof shard}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
