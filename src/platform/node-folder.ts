import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { isSystemError } from "./node-error.js";

/**
 * Makes a folder and its missing parents. Rejects with the error of the system.
 *
 * Node's own `recursive` never ends if an existing folder takes no new ones and says "no such file", as in /proc and on some
 * automounted drives.
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

/** Makes one folder. Returns the error if the folder does not exist afterwards, whoever made it. */
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
