/**
 * Writes files atomically: a file appears complete or not at all, even if the process is killed. It is first written under a
 * hidden name in the same folder, so that owner, permissions and file system are the folder's. Then it is linked to its name.
 */
import { closeSync, existsSync, linkSync, openSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join, parse } from "node:path";
import { temporaryPath, removeStale } from "../../platform/node-temporary-files.js";
import { fileError, isSystemError } from "../../platform/node-error.js";
import { makeFolder } from "../../platform/node-folder.js";

/** Writing takes milliseconds, so an older temporary file was left by a killed process, perhaps on another machine. */
const STALE_MS = 60_000;

/** Makes a folder for images and removes the temporary files of killed runs. Rejects with `FileError` if it cannot be made. */
export async function prepareFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
  } catch (cause) {
    throw fileError(folder, "images cannot be written there", cause);
  }
  removeStale(folder, STALE_MS, (name) => /\.(?:png|jpg|webp)$/.test(name));
}

/**
 * Writes a file and returns its path. If the name is taken, by an earlier run or another process, a number is added
 * (`name_2.png`); with `overwrite` the file is replaced instead. Throws `FileError` and leaves no temporary file.
 */
export function placeFile(
  folder: string,
  name: string,
  data: Uint8Array,
  { overwrite }: { readonly overwrite: boolean },
): string {
  const temporary = temporaryPath(join(folder, name));
  try {
    // In one call, to keep the time short in which a kill leaves a temporary file.
    writeFileSync(temporary, data, { flag: "wx" });
    if (!overwrite) return moveToFreeName(temporary, folder, name);
    const file = join(folder, name);
    renameSync(temporary, file);
    return file;
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw fileError(join(folder, name), "could not be written", cause);
  }
}

/** Moves a file to the first free name. */
function moveToFreeName(temporary: string, folder: string, wanted: string): string {
  const { name, ext } = parse(wanted);
  for (let count = 1; ; count++) {
    const file = join(folder, count === 1 ? wanted : `${name}_${count}${ext}`);
    if (linkIfFree(temporary, file) ?? renameIfFree(temporary, file)) return file;
  }
}

/** Moves a file atomically. Returns false if the name is taken, undefined if the file system has no links. */
function linkIfFree(temporary: string, file: string): boolean | undefined {
  try {
    linkSync(temporary, file);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === "EEXIST") return false;
    // FAT, some network drives and container mounts report different codes. Any other problem shows when the file is renamed.
    return undefined;
  }
  unlinkSync(temporary);
  return true;
}

/**
 * Moves a file if its new name is free. Renaming would replace an existing file, so only one process at a time may check and
 * rename: the one that creates a hidden lock file. Other processes treat the name as taken.
 */
function renameIfFree(temporary: string, file: string): boolean {
  const { dir, base } = parse(file);
  // The same name in all processes, so not random. `randomUUID` never returns this UUID.
  const lock = join(dir, `.${base}.00000000-0000-0000-0000-000000000000.tmp`);
  try {
    closeSync(openSync(lock, "wx"));
  } catch (error) {
    if (isSystemError(error) && error.code === "EEXIST") return false;
    throw error;
  }
  try {
    if (existsSync(file)) return false;
    renameSync(temporary, file);
    return true;
  } finally {
    rmSync(lock, { force: true });
  }
}
