import { openBeside } from "../files/open.js";
import type { ByteSource } from "../platform/source.js";
import { ClosableSource } from "./closable-source.js";
import { looksLikeJson, openShardIndex } from "./shard-index.js";
import type { Container } from "./state-dict.js";
import type { TensorEntry } from "./tensor-entry.js";
import { readHead } from "./foreign-format.js";
import { formatOf, openTensorFile } from "./tensor-file.js";
import type { WeightsChoice } from "./tree/choose-model.js";
import type { StateDictKey } from "./tree/key.js";
import type { ModelKind, ModelNames } from "./tree/model-names.js";
import type { Skipped } from "./tree/skipped.js";

/** A checkpoint file: what it says of itself, and the model's tensors, unread. */
export interface Checkpoint {
  /** Path or URL, for messages. */
  readonly name: string;
  /** An index of shards is `torch-index` where any of them is a file of torch. */
  readonly format: "safetensors" | "torch" | "torch-legacy" | "torchscript" | "safetensors-index" | "torch-index";
  /** What the model's state dict is in. */
  readonly container: Container;
  /** Where in the file the model is: keys of dicts, and what its names begin with there, with dots between. Empty for the outermost dict. */
  readonly key: string;
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
  /** What else the file holds, by its key; at most a hundred are named. */
  readonly skipped: readonly Skipped[];
  /** The version of the library that saved it, such as "1.14.2", where it says so. */
  readonly version?: string;
  /** The train config stored with it, as plain data, where there is one. */
  readonly config?: unknown;
  /** Closes the file. */
  close(): Promise<void>;
}

/** What to read of a checkpoint, and how. */
export interface CheckpointOptions {
  /** Default: the weights that upstream's loader takes, those under `model`. */
  readonly weights?: WeightsChoice | undefined;
  /** Which model to take of a file that holds several kinds. Default: a prior or a decoder rather than a CLIP. */
  readonly model?: ModelKind | undefined;
  /**
   * Where in the file the model is: keys of dicts and what names begin with there, such as `state_dict.model`, or a list of
   * keys. Default: it is found by its names.
   */
  readonly stateDictKey?: StateDictKey | undefined;
  /** Ends the call; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Opens a shard by its name beside an index of shards. Default: where the index's path or URL says. */
  readonly openShard?: ((name: string) => Promise<ByteSource>) | undefined;
}

/** @internal */
export interface OpenOptions extends CheckpointOptions {
  /** What names of tensors tell. Default: nothing, so that a file holds a plain state dict. */
  readonly names?: ModelNames | undefined;
}

/**
 * Opens a checkpoint of any format that this library reads: safetensors, torch's zip and what it wrote before 1.6, in one
 * file or in shards with an index, TorchScript. Only headers are read. The source is the checkpoint's from here on: closed
 * by `close`, or at once when opening fails (FormatError, FileError).
 *
 * @internal
 */
export async function openCheckpoint(given: ByteSource, options: OpenOptions = {}): Promise<Checkpoint> {
  const { names, signal, weights, model, stateDictKey: key } = options;
  const source = new ClosableSource(given);
  const opened: { close(): Promise<void> }[] = [source];
  const close = async (): Promise<void> => {
    for (const one of opened.splice(0).reverse()) await one.close();
  };
  try {
    const head = await readHead(source, signal);
    const wanted = { names, weights, model, key };
    if (formatOf(head, source.size) !== undefined || !looksLikeJson(head)) {
      const { format, tree, metadata, model: find } = await openTensorFile(source, head, signal);
      return { name: source.name, format, tree, metadata, ...find(wanted), close };
    }
    const { openShard = (name: string) => openBeside(given, name) } = options;
    const open = async (name: string) => new ClosableSource(await openShard(name));
    const index = await openShardIndex(source, open, signal);
    opened.push(index);
    const { format, metadata } = index;
    return { name: source.name, format, tree: null, metadata, ...index.model(wanted), close };
  } catch (error) {
    await close();
    throw error;
  }
}
