import { cacheFolder, isHeld, join, listFiles, removeFile, statFile, unlessHeld } from "#platform";
import { FileError } from "../platform/errors.js";
import { publicUrl } from "../platform/secrets.js";
import { readOrigin, readRecord, removeKept, removePart, SUFFIXES } from "./kept-file.js";

/** A downloaded file, or an unfinished download. */
export interface CacheEntry {
  /** Its name in the folder. */
  readonly name: string;
  /** Where it is. */
  readonly path: string;
  /** The URL of the download, without secrets. Undefined if no record has it, as in folders of dalle2-laion. */
  readonly url: string | undefined;
  /** Its size, so far. */
  readonly bytes: number;
  /** For an unfinished download, its full size if the server said so. */
  readonly totalBytes: number | undefined;
  /** False for an unfinished download. */
  readonly isComplete: boolean;
  /** In browsers, whether this page or another tab reads or downloads it. In Node always false. */
  readonly isInUse: boolean;
}

/** The downloads in a folder, sorted by name. Default: the user's cache. Other files in the folder are left out. */
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

/** The name of the part that `name` is or describes. A part that has no bytes yet has only a description. */
function partNamed(name: string): string | undefined {
  const { part, origin } = SUFFIXES;
  if (name.endsWith(origin)) return name.slice(0, -origin.length) + part;
  return name.endsWith(part) ? name : undefined;
}

async function completeEntry(folder: string, name: string): Promise<CacheEntry> {
  const path = join(folder, name);
  const [record, stat] = [await readRecord(path), await statFile(path)];
  const bytes = stat?.size ?? 0;
  return {
    name,
    path,
    url: shown(record?.url),
    bytes,
    totalBytes: bytes,
    isComplete: true,
    isInUse: await isHeld(path),
  };
}

async function partEntry(folder: string, name: string): Promise<CacheEntry> {
  const path = join(folder, name);
  const [{ url, size: totalBytes }, stat] = [await readOrigin(path), await statFile(path)];
  const isInUse = await isHeld(path);
  return { name, path, url: shown(url), bytes: stat?.size ?? 0, totalBytes, isComplete: false, isInUse };
}

/** Records of earlier versions hold whole URLs. */
function shown(url: string | undefined): string | undefined {
  return url === undefined ? undefined : publicUrl(url);
}

/**
 * Removes the downloads that `isChosen` picks (default: all) with the files beside them, and returns them. Rejects with FileError
 * (`file/in-use`) if a page of this site, this one or another tab, reads or downloads some of them: those stay, all others are
 * removed. In Node a process that has one open can still read it, except in Windows, which refuses to remove it.
 */
export async function clearCache(
  folder: string = cacheFolder(),
  isChosen: (entry: CacheEntry) => boolean = () => true,
): Promise<CacheEntry[]> {
  const chosen = (await listCache(folder)).filter(isChosen);
  const inUse: string[] = [];
  for (const entry of chosen) {
    if (!(await unlessHeld(entry.path, () => remove(folder, entry)))) inUse.push(entry.name);
  }
  if (inUse.length === 0) return chosen;
  const others = inUse.length < chosen.length ? "; all others were removed" : "";
  throw new FileError(folder, `${inUse.join(", ")} could not be removed: this page or another tab uses it${others}`, {
    code: "file/in-use",
    advice: "dispose the models that use it, or close the other tabs, and clear the cache again",
  });
}

async function remove(folder: string, { name, path, isComplete }: CacheEntry): Promise<true> {
  if (isComplete) await removeKept(path);
  else await removePart(path);
  // Temporary files of a process that was killed while it wrote a record.
  const scraps = (await listFiles(folder)).filter((other) => isScrap(other, name));
  for (const scrap of scraps) await removeFile(join(folder, scrap));
  return true;
}

/** True for a temporary file of the file `name`: hidden, or, from earlier versions, not hidden. */
function isScrap(file: string, name: string): boolean {
  return file.endsWith(".tmp") && [`.${name}.`, `${name}.`].some((start) => file.startsWith(start));
}
