import { openBeside } from "../files/open.js";
import { isRecord, JsonError, parseJson } from "../platform/json.js";
import { MAX_BYTES } from "../platform/limits.js";
import type { ByteSource } from "../platform/source.js";
import { openCheckpoint, type Checkpoint, type OpenOptions } from "../weights/checkpoint.js";

/** An open checkpoint: a file of tensors, or several with an index. */
export interface OpenedFile extends Checkpoint {
  readonly kind: "file";
}

/** A folder of models with an index. */
export interface OpenedFolder {
  readonly kind: "folder";
  /** Path or URL of its index, for messages. */
  readonly name: string;
  /** The content of the index: the components and their classes. */
  readonly index: Readonly<Record<string, unknown>>;
  /** Opens a file in the folder by its relative path; `close` closes it. Rejects with `FileError`. */
  open(path: string): Promise<ByteSource>;
  close(): Promise<void>;
}

/** An opened file or folder, which a family may claim. Only headers of files were read. */
export type Opened = OpenedFile | OpenedFolder;

/** An index of a model folder names the class of the whole; an index of shards does not. */
const CLASS = "_class_name";

/**
 * Opens a checkpoint, or a model folder by its index (`model_index.json`). Takes ownership of the source, as
 * `openCheckpoint` does.
 */
export async function openModel(source: ByteSource, options: OpenOptions): Promise<Opened> {
  const index = await readIndex(source, options.signal).catch(async (error: unknown) => {
    await source.close();
    throw error;
  });
  if (!index) return { kind: "file", ...(await openCheckpoint(source, options)) };
  const opened = [source];
  return {
    kind: "folder",
    name: source.name,
    index,
    open: async (path) => {
      const file = await openBeside(source, path);
      opened.push(file);
      return file;
    },
    close: async () => {
      for (const file of opened.splice(0).reverse()) await file.close();
    },
  };
}

async function readIndex(source: ByteSource, signal?: AbortSignal): Promise<OpenedFolder["index"] | undefined> {
  const { name, size } = source;
  if (!/\.json(?:[?#]|$)/i.test(name) || size > MAX_BYTES.config) return undefined;
  try {
    const value: unknown = parseJson(new TextDecoder().decode(await source.read(0, size, signal)));
    return isRecord(value) && typeof value[CLASS] === "string" ? value : undefined;
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}
