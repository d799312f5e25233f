import { FileError } from "../../platform/errors.js";
import type { ByteSource } from "../../platform/source.js";

/** What a file of a folder is for. */
export interface FolderFileOptions {
  /** It holds weights, whose reader waits for the end of a download by `complete`. Default false. */
  readonly isWeights?: boolean | undefined;
}

/** The files of a folder on this machine or on a server. Paths are relative to it, with slashes. */
export interface FileFolder {
  /** Its path, URL or hub id, for messages. A URL is without secrets. */
  readonly name: string;
  /** Whether it has a file. Rejects with FileError if that cannot be found out. */
  has(path: string): Promise<boolean>;
  /** Opens a file. The caller closes it. Rejects with FileError. */
  open(path: string, options?: FolderFileOptions): Promise<ByteSource>;
  /** Says once how many bytes of these files are to be downloaded, if any. Default: nothing is downloaded. */
  announce?(paths: readonly string[]): Promise<void>;
}

/** The index of a folder of models. Its path or URL names the folder, too. */
export const FOLDER_INDEX = "model_index.json";

const INDEX_PATH = /(?:^|[\\/])model_index\.json$/i;

/** Whether a path is that of the index of a folder of models. */
export function isFolderIndex(path: string): boolean {
  return INDEX_PATH.test(path);
}

/** The path of a folder of models without that of its index; empty for an index without a folder. */
export function withoutIndex(path: string): string {
  return path.replace(INDEX_PATH, "");
}

/** Throws FileError for a path that leads out of a folder: the parts of a path may come from a file of unknown origin. */
export function checkInside(folder: string, path: string): void {
  const parts = path.split("/");
  const isPlain = (part: string): boolean => /^[^\\:?#%\0]{1,255}$/.test(part) && !/^\.*$/.test(part);
  if (parts.every(isPlain)) return;
  throw new FileError(folder, `${JSON.stringify(path)} is not the path of a file in this folder`);
}
