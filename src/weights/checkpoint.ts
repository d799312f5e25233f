import { openBeside } from "../files/open.js";
import { JsonError, parseJson } from "../platform/json.js";
import type { ByteSource } from "../platform/source.js";
import { splitComponents } from "./dialect/component-names.js";
import { FormatError } from "./errors.js";
import { describeValue } from "./formats/pickle-values.js";
import { toPlain } from "./formats/plain.js";
import { looksLikeJson, openSafetensorsIndex } from "./formats/safetensors-index.js";
import { looksLikeSafetensors, openSafetensors, type SafetensorsFile } from "./formats/safetensors.js";
import { restoreSparseRows, SPARSE_SHAPE } from "./formats/sparse-rows.js";
import { findWeights, type Container, type WeightsChoice } from "./state-dict.js";
import { TensorEntry } from "./tensor-entry.js";
import type { TorchArchive } from "./formats/torch-archive.js";
import { looksLikeTar, looksLikeTorchLegacy, openTorchLegacy, refuseTar } from "./formats/torch-legacy.js";
import { TensorRef } from "./formats/torch-objects.js";
import { openTorchZip } from "./formats/torch-zip.js";
import { versionText } from "./formats/version.js";

/** A checkpoint file: what it says of itself, and the model's tensors, unread. */
export interface Checkpoint {
  /** Path or URL, for messages. */
  readonly name: string;
  readonly format: "safetensors" | "safetensors-index" | TorchArchive["format"];
  readonly container: Container;
  /** Which weights `tensors` are. A tracker's save holds the average as its only weights, which count as online. */
  readonly weights: WeightsChoice;
  /** What `openCheckpoint` can be asked for. */
  readonly availableWeights: readonly WeightsChoice[];
  /** All that torch pickled, optimizer and EMA as references; null for safetensors. See `unpickle` for the values. */
  readonly tree: unknown;
  /** The strings of a safetensors header; empty for torch. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The model's state dict, under the names that the model itself gives. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** The state dict of the CLIP that was saved along with the model; empty if none was. */
  readonly clip: ReadonlyMap<string, TensorEntry>;
  /** The version of the library that saved it, such as "1.14.2", where it says so. */
  readonly version?: string;
  /** The train config stored with it, as plain data, where there is one. */
  readonly config?: unknown;
  /** Closes the file. */
  close(): Promise<void>;
}

/** What to read of a checkpoint, and how. */
export interface OpenOptions {
  /** Default: the weights that upstream's loader takes, those under `model`. */
  readonly weights?: WeightsChoice | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Opens a shard by its name beside an index of shards. Default: where the index's path or URL says. */
  readonly openShard?: ((name: string) => Promise<ByteSource>) | undefined;
}

/** `close` closes whatever was opened besides the source. */
type Content = Omit<Checkpoint, "name" | "close"> & { readonly close?: () => Promise<void> };

interface Format {
  /** Whether a file that starts with `head` and has `size` bytes is of this format. */
  readonly matches: (head: Uint8Array, size: number) => boolean;
  readonly open: (source: ByteSource, options: OpenOptions) => Promise<Content>;
}

/** A tar archive is known by what stands near the end of its first block. */
const HEAD_BYTES = 512;

const FORMATS: readonly Format[] = [
  {
    matches: (head) => startsWith(head, 0x50, 0x4b, 0x03, 0x04),
    open: async (source, options) => readTorch(await openTorchZip(source, options.signal), source.name, options),
  },
  {
    matches: looksLikeTorchLegacy,
    open: async (source, options) => readTorch(await openTorchLegacy(source, options.signal), source.name, options),
  },
  {
    matches: looksLikeSafetensors,
    open: async (source, options) =>
      readSafetensors("safetensors", await openSafetensors(source, options.signal), source.name, options),
  },
  { matches: looksLikeJson, open: readSafetensorsIndex },
  { matches: looksLikeTar, open: refuseTar },
];

/**
 * Opens a checkpoint of any format that this library reads: safetensors in one file or in shards with an index, torch's
 * zip and what it wrote before 1.6, TorchScript. Only headers are read. The source is the checkpoint's from here on:
 * closed by `close`, or at once when opening fails (FormatError, FileError).
 */
export async function openCheckpoint(source: ByteSource, options: OpenOptions = {}): Promise<Checkpoint> {
  try {
    const head = await source.read(0, Math.min(HEAD_BYTES, source.size), options.signal);
    const format = FORMATS.find(({ matches }) => matches(head, source.size));
    if (!format)
      throw new FormatError(
        source.name,
        `${describeUnknown(head)}; expected .safetensors, or .pth as torch.save writes it`,
      );
    const { close, ...content } = await format.open(source, options);
    return {
      name: source.name,
      ...content,
      close: async () => {
        await close?.();
        await source.close();
      },
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

function readTorch({ format, tree, tensor, budget }: TorchArchive, source: string, { weights }: OpenOptions): Content {
  const isTensor = (value: unknown) => value instanceof TensorRef;
  const content = readModel({ tree, isTensor, entry: tensor, source, weights });
  const outer = tree instanceof Map ? (tree as ReadonlyMap<unknown, unknown>) : undefined;
  const version = versionText(outer?.get("version"), source);
  const config = outer?.get("config");
  return {
    format,
    tree,
    metadata: new Map(),
    ...content,
    ...(version !== undefined && { version }),
    ...(config instanceof Map && { config: toPlain(config, budget) }),
  };
}

async function readSafetensorsIndex(source: ByteSource, options: OpenOptions): Promise<Content> {
  const { openShard = (name: string) => openBeside(source, name), signal } = options;
  const index = await openSafetensorsIndex(source, openShard, signal);
  try {
    return { ...(await readSafetensors("safetensors-index", index, source.name, options)), close: () => index.close() };
  } catch (error) {
    await index.close();
    throw error;
  }
}

async function readSafetensors(
  format: "safetensors" | "safetensors-index",
  { metadata, tensors }: SafetensorsFile,
  source: string,
  { weights, signal }: OpenOptions,
): Promise<Content> {
  const sparse = metadata.get(SPARSE_SHAPE);
  const tree = sparse === undefined ? tensors : await restoreSparseRows(tensors, sparse, source, signal);
  const isTensor = (value: unknown) => value instanceof TensorEntry;
  const entry = (name: string, stored: TensorEntry) => stored.renamed(name);
  const version = metadata.get("version");
  const config = metadata.get("config");
  return {
    format,
    tree: null,
    metadata,
    ...readModel({ tree, isTensor, entry, source, weights }),
    ...(version !== undefined && { version }),
    ...(config !== undefined && { config: parseConfig(config, source) }),
  };
}

interface ModelSource<Tensor> {
  readonly tree: unknown;
  readonly isTensor: (value: unknown) => value is Tensor;
  /** The tensor under the name that it is to have. */
  readonly entry: (name: string, tensor: Tensor) => TensorEntry;
  readonly source: string;
  readonly weights: WeightsChoice | undefined;
}

function readModel<Tensor>({ tree, isTensor, entry, source, weights: wanted }: ModelSource<Tensor>) {
  const found = findWeights(tree, isTensor, wanted);
  if (!found) throw new FormatError(source, describeMissing(tree, findWeights(tree, isTensor)?.available));
  const { tensors, weights, available, container } = found;
  const { model, clip } = splitComponents(tensors);
  const entries = (part: ReadonlyMap<string, Tensor>) =>
    new Map([...part].map(([name, tensor]) => [name, entry(name, tensor)] as const));
  return { container, weights, availableWeights: available, tensors: entries(model), clip: entries(clip) };
}

function describeMissing(tree: unknown, available: readonly WeightsChoice[] | undefined): string {
  if (available)
    return `it holds only ${available.join()} weights, others were asked for; leave the choice to the file (a tracker's save holds the average as its model)`;
  if (!(tree instanceof Map)) return "no model in it: it holds no dict";
  const keys = [...tree.keys()].slice(0, 12).map(describeValue);
  return `no model in it: expected a state dict, or one under "model"; it has the keys ${keys.join(", ")}`;
}

function parseConfig(json: string, source: string): unknown {
  try {
    return parseJson(json);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new FormatError(source, `metadata config ${cause.message}`, { cause });
  }
}

function startsWith(head: Uint8Array, ...bytes: readonly number[]): boolean {
  return bytes.every((byte, i) => head[i] === byte);
}

function describeUnknown(head: Uint8Array): string {
  if (startsWith(head, 0x3c)) return "looks like a web page; was the download refused?";
  return `not a known checkpoint format (it starts with ${[...head.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")})`;
}
