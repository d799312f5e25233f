import { parseJson } from "../config/read-json.js";
import { FileError } from "../platform/errors.js";
import { checkSize, MAX_BYTES } from "../platform/limits.js";
import { decodeUtf8 } from "../platform/utf8.js";
import type { OpenedFolder } from "./opened.js";

/** The files of a model folder, by their paths in it. */
export type FolderFiles = Pick<OpenedFolder, "open">;

/** The content of a small file. */
export interface FileContent<Content> {
  /** Path or URL, for messages. */
  readonly name: string;
  readonly content: Content;
}

/** Reads a text file in UTF-8. Rejects with `FileError`. */
export async function readFolderText(folder: FolderFiles, path: string): Promise<FileContent<string>> {
  const { name, content } = await readBytes(folder, path);
  return { name, content: decodeUtf8(content, name) };
}

/** Reads a JSON file. Rejects with `FileError`, or with `ConfigError` if it is not JSON. */
export async function readFolderJson(folder: FolderFiles, path: string): Promise<FileContent<unknown>> {
  const { name, content } = await readBytes(folder, path);
  return { name, content: parseJson(content, name) };
}

/** The same for a file that may be missing: undefined if it is. */
export async function readFolderJsonIfAny(
  folder: FolderFiles,
  path: string,
): Promise<FileContent<unknown> | undefined> {
  try {
    return await readFolderJson(folder, path);
  } catch (error) {
    if (error instanceof FileError && error.code === "file/not-found") return undefined;
    throw error;
  }
}

async function readBytes(folder: FolderFiles, path: string): Promise<FileContent<Uint8Array>> {
  const source = await folder.open(path);
  try {
    checkSize(source.name, source.size, MAX_BYTES.config);
    return { name: source.name, content: await source.read(0, source.size) };
  } finally {
    await source.close();
  }
}
