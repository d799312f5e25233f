import { FOLDER_INDEX, type FileFolder } from "../files/folder/file-folder.js";
import { FileError } from "../platform/errors.js";
import { JsonError, parseJson } from "../platform/json.js";
import { isRecord } from "../platform/objects.js";
import { checkSize, MAX_BYTES } from "../platform/limits.js";
import type { ByteSource } from "../platform/source.js";
import type { Checkpoint } from "../weights/checkpoint.js";
import { FormatError } from "../weights/errors.js";

/** An open checkpoint: a file of tensors, or several with an index. */
export interface OpenedFile extends Checkpoint {
  readonly kind: "file";
}

/** A folder of models with an index. `close` also closes the files that are still open. */
export interface OpenedFolder extends FileFolder {
  readonly kind: "folder";
  /** The content of the index: the components and their classes. */
  readonly index: Readonly<Record<string, unknown>>;
  /** Whether weights in f16 are read, if the folder has some beside others. */
  readonly prefersF16: boolean;
  close(): Promise<void>;
}

/** An opened file or folder, which a family may claim. Only headers of files were read. */
export type Opened = OpenedFile | OpenedFolder;

/** How to open a folder of models. */
export interface FolderOptions {
  /** See `OpenedFolder`. Default false. */
  readonly prefersF16?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An index of a model folder names the class of the whole; an index of shards does not. */
const CLASS = "_class_name";

/** Opens a model folder. Rejects with `FileError`, also if it has no index, and with `FormatError` if that is none. */
export async function openModelFolder(files: FileFolder, options: FolderOptions = {}): Promise<OpenedFolder> {
  if (!(await files.has(FOLDER_INDEX))) {
    throw new FileError(files.name, `is not a folder of models: it has no ${FOLDER_INDEX}`, {
      code: "file/not-found",
      advice: "give a folder in the layout of the diffusers library",
    });
  }
  const source = await files.open(FOLDER_INDEX);
  try {
    const index = await readIndex(source, options.signal);
    if (index) return openedFolder(files, index, options);
    throw new FormatError(source.name, `it is not the index of a folder of models: expected JSON with "${CLASS}"`);
  } finally {
    await source.close();
  }
}

function openedFolder(
  files: FileFolder,
  index: OpenedFolder["index"],
  { prefersF16 = false }: FolderOptions,
): OpenedFolder {
  const opened: ByteSource[] = [];
  return {
    kind: "folder",
    name: files.name,
    index,
    prefersF16,
    has: (path) => files.has(path),
    open: async (path, options) => {
      const file = await files.open(path, options);
      opened.push(file);
      return file;
    },
    close: async () => {
      for (const file of opened.splice(0).reverse()) await file.close();
    },
  };
}

async function readIndex(source: ByteSource, signal?: AbortSignal): Promise<OpenedFolder["index"] | undefined> {
  checkSize(source.name, source.size, MAX_BYTES.config);
  try {
    const value: unknown = parseJson(new TextDecoder().decode(await source.read(0, source.size, signal)));
    return isRecord(value) && typeof value[CLASS] === "string" ? value : undefined;
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}
