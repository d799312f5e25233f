import type { ByteSource } from "../platform/source.js";
import { FormatError } from "./errors.js";
import { toPlain, versionText } from "./plain.js";
import { looksLikeSafetensors, openSafetensors } from "./safetensors.js";
import { restoreSparseRows, SPARSE_SHAPE } from "./sparse-rows.js";
import { findStateDict } from "./state-dict.js";
import type { TensorEntry } from "./tensor-entry.js";
import { openTorchZip } from "./torch-zip.js";

/** A checkpoint file: what it says of itself, and the model's tensors, unread. */
export interface Checkpoint {
  /** Path or URL, for messages. */
  readonly name: string;
  readonly format: "safetensors" | "torch" | "torchscript";
  /** All that torch pickled, optimizer and EMA as references; null for safetensors. See `unpickle` for the values. */
  readonly tree: unknown;
  /** The strings of a safetensors header; empty for torch. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The model's state dict. Names are as stored, prefixes included. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** The version of the library that saved it, such as "1.14.2", where it says so. */
  readonly version?: string;
  /** The train config stored with it, as plain data, where there is one. */
  readonly config?: unknown;
  close(): Promise<void>;
}

type Content = Omit<Checkpoint, "name" | "close">;

interface Format {
  /** Whether a file that starts with `head` and has `size` bytes is of this format. */
  readonly matches: (head: Uint8Array, size: number) => boolean;
  readonly open: (source: ByteSource, signal?: AbortSignal) => Promise<Content>;
}

const HEAD_BYTES = 16;

const FORMATS: readonly Format[] = [
  { matches: (head) => startsWith(head, 0x50, 0x4b, 0x03, 0x04), open: readTorchZip },
  { matches: looksLikeSafetensors, open: readSafetensors },
];

/**
 * Opens a checkpoint of any format that this library reads: safetensors, torch's zip, TorchScript. Only headers are read.
 * The source is the checkpoint's from here on: closed by `close`, or at once when opening fails (FormatError, FileError).
 */
export async function openCheckpoint(source: ByteSource, signal?: AbortSignal): Promise<Checkpoint> {
  try {
    const head = await source.read(0, Math.min(HEAD_BYTES, source.size), signal);
    const format = FORMATS.find(({ matches }) => matches(head, source.size));
    if (!format)
      throw new FormatError(
        source.name,
        `${describeUnknown(head)}; expected .safetensors, or .pth as torch.save writes it`,
      );
    return { name: source.name, ...(await format.open(source, signal)), close: () => source.close() };
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function readSafetensors(source: ByteSource, signal?: AbortSignal): Promise<Content> {
  const { metadata, tensors } = await openSafetensors(source, signal);
  const sparse = metadata.get(SPARSE_SHAPE);
  const version = metadata.get("version");
  const config = metadata.get("config");
  return {
    format: "safetensors",
    tree: null,
    metadata,
    tensors: sparse === undefined ? tensors : await restoreSparseRows(tensors, sparse, source.name, signal),
    ...(version !== undefined && { version }),
    ...(config !== undefined && { config: parseConfig(config, source.name) }),
  };
}

async function readTorchZip(source: ByteSource, signal?: AbortSignal): Promise<Content> {
  const archive = await openTorchZip(source, signal);
  const found = findStateDict(archive.tree);
  if (!found) throw new FormatError(source.name, `no model in it: ${describeTree(archive.tree)}`);
  const tensors = new Map([...found.tensors].map(([name, ref]) => [name, archive.tensor(name, ref)] as const));
  const version = versionText(found.container?.get("version"));
  const config = found.container?.get("config");
  return {
    format: archive.isScript ? "torchscript" : "torch",
    tree: archive.tree,
    metadata: new Map(),
    tensors,
    ...(version !== undefined && { version }),
    ...(config instanceof Map && { config: toPlain(config, source.name) }),
  };
}

function parseConfig(json: string, source: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch (cause) {
    throw new FormatError(source, "metadata config is not JSON", { cause });
  }
}

function startsWith(head: Uint8Array, ...bytes: readonly number[]): boolean {
  return bytes.every((byte, i) => head[i] === byte);
}

function describeUnknown(head: Uint8Array): string {
  // torch before 1.6 began with its magic number, a pickled integer of 10 bytes.
  if (startsWith(head, 0x80, 0x02, 0x8a, 0x0a))
    return "written by torch before 1.6; load it in torch and save it again";
  if (startsWith(head, 0x3c)) return "looks like a web page; was the download refused?";
  return `not a known checkpoint format (it starts with ${[...head.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")})`;
}

function describeTree(tree: unknown): string {
  if (!(tree instanceof Map)) return "it holds no dict";
  const keys = [...tree.keys()].slice(0, 12).map(String);
  return `expected a state dict, or one under "model"; it has the keys ${keys.join(", ")}`;
}
