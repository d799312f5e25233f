/**
 * Files that appear under their names whole, or not at all, whenever the process is killed. They are written aside under a
 * hidden name in the same folder, so that owner, rights and file system are the folder's, and linked to their own name.
 */
import { closeSync, existsSync, linkSync, openSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join, parse } from "node:path";
import { asideOf, removeStale } from "../../platform/node-aside.js";
import { fileError, isSystemError } from "../../platform/node-error.js";
import { makeFolder } from "../../platform/node-folder.js";

/** Writing takes milliseconds: what is older was left by a process that was killed, also on another machine. */
const STALE_MS = 60_000;

/** Makes a folder for images, and removes what killed runs left in it. Rejects with `FileError` where it cannot be made. */
export async function prepareFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
  } catch (cause) {
    throw fileError(folder, "images cannot be written there", cause);
  }
  removeStale(folder, STALE_MS, (name) => /\.(?:png|jpg|webp)$/.test(name));
}

/**
 * Writes a file and gives its path. Where the name is taken, by an earlier run or by another process, a number is added,
 * `name_2.png`; with `overwrite` the file is replaced. Throws `FileError`, and leaves nothing behind then.
 */
export function placeFile(
  folder: string,
  name: string,
  data: Uint8Array,
  { overwrite }: { readonly overwrite: boolean },
): string {
  const aside = asideOf(join(folder, name));
  try {
    // All in one go: what a kill can leave behind is there for as short a time as can be.
    writeFileSync(aside, data, { flag: "wx" });
    if (!overwrite) return moveToFreeName(aside, folder, name);
    const file = join(folder, name);
    renameSync(aside, file);
    return file;
  } catch (cause) {
    rmSync(aside, { force: true });
    throw fileError(join(folder, name), "could not be written", cause);
  }
}

/** Moves a file to the first free name. */
function moveToFreeName(aside: string, folder: string, wanted: string): string {
  const { name, ext } = parse(wanted);
  for (let count = 1; ; count++) {
    const file = join(folder, count === 1 ? wanted : `${name}_${count}${ext}`);
    if (linkIfFree(aside, file) ?? renameIfFree(aside, file)) return file;
  }
}

/** Moves a file in one step. False where the name is taken, undefined where the file system has no links. */
function linkIfFree(aside: string, file: string): boolean | undefined {
  try {
    linkSync(aside, file);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === "EEXIST") return false;
    // FAT, some network drives and some mounts of containers: codes differ, and what else is wrong shows when it is renamed.
    return undefined;
  }
  unlinkSync(aside);
  return true;
}

/**
 * Moves a file where nothing has its new name. Renaming replaces what is there, so that one process at a time may look and
 * rename, whichever makes the hidden file of that name; others take the name to be given.
 */
function renameIfFree(aside: string, file: string): boolean {
  const { dir, base } = parse(file);
  // Not random, as the name of another process is the same; a number that is none of `randomUUID`.
  const claim = join(dir, `.${base}.00000000-0000-0000-0000-000000000000.tmp`);
  try {
    closeSync(openSync(claim, "wx"));
  } catch (error) {
    if (isSystemError(error) && error.code === "EEXIST") return false;
    throw error;
  }
  try {
    if (existsSync(file)) return false;
    renameSync(aside, file);
    return true;
  } finally {
    rmSync(claim, { force: true });
  }
}
