import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { isSystemError } from "./node-error.js";

/**
 * Makes a folder, and those it is in, where they are missing. Rejects with the error of the system.
 *
 * Node's own `recursive` never ends where a folder is there but takes no new ones and says "no such file", as in /proc and on
 * some automounted drives.
 */
export async function makeFolder(path: string): Promise<void> {
  const refusal = await makeOne(path);
  if (refusal === undefined) return;
  const parent = dirname(path);
  if (!isSystemError(refusal) || refusal.code !== "ENOENT" || parent === path) throw refusal;
  await makeFolder(parent);
  const second = await makeOne(path);
  if (second !== undefined) throw second;
}

/** Makes one folder; gives the error where it is not there afterwards, by this process or another. */
async function makeOne(path: string): Promise<Error | undefined> {
  try {
    await mkdir(path);
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return (await isFolder(path)) ? undefined : error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
