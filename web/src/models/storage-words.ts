import type { CacheEntry, StorageState } from "dalle2-webgpu";
import { sayBytes } from "../parts/amounts.js";

/** A download as the page lists it. */
export interface DownloadWords {
  readonly id: string;
  /** Its name, as its server has it. */
  readonly name: string;
  /** Where it came from. */
  readonly from: string;
  readonly size: string;
  /** "in use", "not complete"; empty for a whole file that nobody uses. */
  readonly state: string;
  readonly canRemove: boolean;
}

/** Describes downloads, largest first. */
export function sayDownloads(entries: readonly CacheEntry[]): readonly DownloadWords[] {
  return [...entries]
    .sort((a, b) => b.bytes - a.bytes)
    .map(({ name, url, bytes, totalBytes, isComplete, isInUse }) => ({
      id: name,
      // The library puts a hash of the URL before the name.
      name: name.replace(/^[0-9a-f]{16}-/, "").replace(/\.part$/, ""),
      from: fromOf(url),
      size: isComplete || totalBytes === undefined ? sayBytes(bytes) : `${sayBytes(bytes)} of ${sayBytes(totalBytes)}`,
      state: isInUse ? "in use" : isComplete ? "" : "not complete",
      canRemove: !isInUse,
    }));
}

/** Says how full the storage is. */
export function sayStorageState({ downloadedBytes, freeBytes }: StorageState): string {
  const models = downloadedBytes === 0 ? "No models are stored" : `Models take ${sayBytes(downloadedBytes)}`;
  return freeBytes === undefined ? `${models}.` : `${models}; this site may store ${sayBytes(freeBytes)} more.`;
}

function fromOf(url: string | undefined): string {
  if (url === undefined || !URL.canParse(url)) return "";
  const { host, pathname } = new URL(url);
  const folder = pathname.slice(0, pathname.lastIndexOf("/"));
  return host + decodeURIComponent(folder);
}
