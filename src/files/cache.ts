import { cacheFolder, join, listFiles, removeFile, statFile } from "#platform";
import { publicUrl } from "../platform/secrets.js";
import { readOrigin, readRecord, removeKept, removePart, SUFFIXES } from "./kept-file.js";

/** A downloaded file, or what there is of it so far. */
export interface CacheEntry {
  /** Its name in the folder. */
  readonly name: string;
  /** Where it is. */
  readonly path: string;
  /** The URL that it came from, without the secrets in it; undefined where that was not recorded, as dalle2-laion does not. */
  readonly url: string | undefined;
  /** Its size, so far. */
  readonly bytes: number;
  /** Of an unfinished download, how many bytes it will have, if the server said so. */
  readonly totalBytes: number | undefined;
  /** False for an unfinished download. */
  readonly isComplete: boolean;
}

/** The downloads in a folder, by name. Default: the user's cache. What else is in the folder is left out. */
export async function listCache(folder: string = cacheFolder()): Promise<CacheEntry[]> {
  const names = await listFiles(folder);
  const kept = names.filter((name) => [SUFFIXES.record, SUFFIXES.checksum].some((end) => names.includes(name + end)));
  const parts = new Set(names.map(partNamed).filter((name) => name !== undefined));
  const entries = await Promise.all([
    ...kept.map((name) => completeEntry(folder, name)),
    ...[...parts].map((name) => partEntry(folder, name)),
  ]);
  return entries.sort((a, b) => a.name.localeCompare(b.name));
}

/** The part that a file is, or that it tells the origin of: of one that was only begun, the origin is all there is. */
function partNamed(name: string): string | undefined {
  const { part, origin } = SUFFIXES;
  if (name.endsWith(origin)) return name.slice(0, -origin.length) + part;
  return name.endsWith(part) ? name : undefined;
}

async function completeEntry(folder: string, name: string): Promise<CacheEntry> {
  const path = join(folder, name);
  const [record, stat] = [await readRecord(path), await statFile(path)];
  const bytes = stat?.size ?? 0;
  return { name, path, url: shown(record?.url), bytes, totalBytes: bytes, isComplete: true };
}

async function partEntry(folder: string, name: string): Promise<CacheEntry> {
  const path = join(folder, name);
  const [{ url, size: totalBytes }, stat] = [await readOrigin(path), await statFile(path)];
  return { name, path, url: shown(url), bytes: stat?.size ?? 0, totalBytes, isComplete: false };
}

/** Records of earlier versions hold URLs as they were. */
function shown(url: string | undefined): string | undefined {
  return url === undefined ? undefined : publicUrl(url);
}

/**
 * Removes the downloads that `isChosen` picks, all by default, with what was kept beside them, and gives what it removed.
 * A process that has one open reads on, except in Windows, which refuses to remove it.
 */
export async function clearCache(
  folder: string = cacheFolder(),
  isChosen: (entry: CacheEntry) => boolean = () => true,
): Promise<CacheEntry[]> {
  const chosen = (await listCache(folder)).filter(isChosen);
  for (const { name, path, isComplete } of chosen) {
    if (isComplete) await removeKept(path);
    else await removePart(path);
    // Scraps of a process that was killed while it wrote a record.
    const scraps = (await listFiles(folder)).filter((other) => isScrap(other, name));
    for (const scrap of scraps) await removeFile(join(folder, scrap));
  }
  return chosen;
}

/** Whether a file was written aside of one of that name: hidden, and by earlier versions not. */
function isScrap(file: string, name: string): boolean {
  return file.endsWith(".tmp") && [`.${name}.`, `${name}.`].some((start) => file.startsWith(start));
}
