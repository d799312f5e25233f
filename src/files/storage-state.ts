import { cacheFolder, freeBytes, isPersistent } from "#platform";
import { listCache } from "./cache.js";

/** What is stored, and how much more can be. */
export interface StorageState {
  /** Bytes of all downloads in the folder. */
  readonly downloadedBytes: number;
  /** Bytes that this site may still store; in Node, that are free on the disk. Undefined if it is not known. */
  readonly freeBytes: number | undefined;
  /**
   * Whether downloads stay when the disk gets full. If false, a browser may remove them. Undefined if it is not known.
   */
  readonly isPersistent: boolean | undefined;
}

/** Describes the storage of downloads in a folder. Default: the user's cache. */
export async function storageState(folder: string = cacheFolder()): Promise<StorageState> {
  const [entries, free, persistent] = await Promise.all([listCache(folder), freeBytes(folder), isPersistent()]);
  const downloadedBytes = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  return { downloadedBytes, freeBytes: free, isPersistent: persistent };
}
