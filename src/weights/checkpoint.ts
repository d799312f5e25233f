import { openBeside } from "../files/open.js";
import { loadPart } from "../platform/load-part.js";
import type { ByteSource } from "../platform/source.js";
import { ClosableSource } from "./closable-source.js";
import type { Container } from "./state-dict.js";
import type { TensorEntry } from "./tensor-entry.js";
import { FormatError } from "./errors.js";
import { looksLikeJson, readHead } from "./head.js";
import { formatOf, openTensorFile } from "./tensor-file.js";
import type { WeightsChoice } from "./tree/choose-model.js";
import type { StateDictKey } from "./tree/key.js";
import type { ModelKind, ModelNames } from "./tree/model-names.js";
import type { Skipped } from "./tree/skipped.js";

/** An open checkpoint: its description, and the model's tensors, which are not read yet. */
export interface Checkpoint {
  /** Path or URL, for messages. */
  readonly name: string;
  /** An index of shards is `torch-index` if any shard is a torch file. */
  readonly format: "safetensors" | "torch" | "torch-legacy" | "torchscript" | "safetensors-index" | "torch-index";
  /** How the file stores the model. */
  readonly container: Container;
  /**
   * Where the model is in the file: keys of dicts and the prefix of its tensors' names, joined by dots. Empty for the
   * outermost dict.
   */
  readonly key: string;
  /** Which weights `tensors` are. A tracker's save has the average as its only weights, which count as online. */
  readonly weights: WeightsChoice;
  /** Values for `weights` that `openCheckpoint` accepts for this file. */
  readonly availableWeights: readonly WeightsChoice[];
  /**
   * All objects in torch's pickle, with optimizer and EMA tensors as references; null for safetensors. `unpickle` lists the
   * values.
   */
  readonly tree: unknown;
  /** The strings of a safetensors header; empty for torch. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The model's state dict, under the names that the model itself gives. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** The state dict of the CLIP that was saved with the model; empty if there is none. */
  readonly clip: ReadonlyMap<string, TensorEntry>;
  /** Other content of the file, by key. At most a hundred entries. */
  readonly skipped: readonly Skipped[];
  /** The version of the library that saved it, such as "1.14.2", if the file has it. */
  readonly version?: string;
  /** The train config in the file, as plain data, if there is one. */
  readonly config?: unknown;
  /**
   * For a file that is being downloaded: resolves once it is complete, and everything that was read of it is verified. Rejects with
   * FileError. Resolves at once for other files.
   */
  complete(signal?: AbortSignal): Promise<void>;
  /** Closes the file. */
  close(): Promise<void>;
}

/** How to open a checkpoint. */
export interface CheckpointOptions {
  /** Default: the weights that dalle2-laion's loader uses, which are under `model`. */
  readonly weights?: WeightsChoice | undefined;
  /** Which model to use if the file contains several kinds. Default: a prior or a decoder rather than a CLIP. */
  readonly model?: ModelKind | undefined;
  /**
   * Where the model is in the file: keys of dicts and a prefix of names, such as `state_dict.model`, or a list of keys.
   * Default: found by the names of its tensors.
   */
  readonly stateDictKey?: StateDictKey | undefined;
  /** Ends the call; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Opens a shard by its name beside an index of shards. Default: relative to the index's path or URL. */
  readonly openShard?: ((name: string) => Promise<ByteSource>) | undefined;
}

/** @internal */
export interface OpenOptions extends CheckpointOptions {
  /** What names of tensors tell. Default: nothing, so that a file holds a plain state dict. */
  readonly names?: ModelNames | undefined;
}

/**
 * Opens a checkpoint in any supported format: safetensors, torch's zip, torch's format before 1.6, TorchScript; one file, or
 * shards with an index. Only headers are read. Takes ownership of the source: `close` closes it, and so does a failure to
 * open (FormatError, FileError).
 *
 * @internal
 */
export async function openCheckpoint(given: ByteSource, options: OpenOptions = {}): Promise<Checkpoint> {
  const { names, signal, weights, model, stateDictKey: key } = options;
  const source = new ClosableSource(given);
  const sources = [source];
  const opened: { close(): Promise<void> }[] = [source];
  const close = async (): Promise<void> => {
    for (const one of opened.splice(0).reverse()) await one.close();
  };
  const complete = async (signal?: AbortSignal): Promise<void> => {
    await Promise.all(sources.map((one) => one.complete(signal)));
  };
  try {
    const head = await readHead(source, signal);
    const wanted = { names, weights, model, key };
    if (formatOf(head, source.size) !== undefined || !looksLikeJson(head)) {
      const { format, tree, metadata, model: find } = await openTensorFile(source, head, signal);
      return { name: source.name, format, tree, metadata, ...find(wanted), complete, close };
    }
    const { openShard = (name: string) => openBeside(given, name) } = options;
    const open = async (name: string) => {
      const shard = new ClosableSource(await openShard(name));
      sources.push(shard);
      return shard;
    };
    const { openShardIndex } = await loadPart("the reader of sharded models", () => import("./shard-index.js"));
    const index = await openShardIndex(source, open, signal);
    opened.push(index);
    const { format, metadata } = index;
    return { name: source.name, format, tree: null, metadata, ...index.model(wanted), complete, close };
  } catch (error) {
    try {
      // What an incomplete download holds is judged once it is verified: a wrong checksum is the better reason.
      if (error instanceof FormatError) await complete(signal);
    } finally {
      await close();
    }
    throw error;
  }
}
