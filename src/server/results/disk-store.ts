import { open, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { isSystemError } from "../../platform/node-error.js";
import { makeFolder } from "../../platform/node-folder.js";
import { removeStale, temporaryPath } from "../../platform/node-temporary-files.js";
import type { FileStore, StoredFile } from "./types.js";

/** How old a temporary file of another machine is before it is removed. */
const STALE_MS = 3_600_000;

/** Keeps files in a folder. Only its user can read them. Several servers may share it. */
export class DiskStore implements FileStore {
  constructor(private readonly folder: string) {}

  /** Makes the folder. Rejects with the error of the system. */
  static async open(folder: string): Promise<DiskStore> {
    await makeFolder(folder);
    return new DiskStore(folder);
  }

  async put(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const path = join(this.folder, key);
    const temporary = temporaryPath(path);
    // A sweep may remove the folder between these two, if it was empty.
    const handle = await openNew(temporary).catch(() => openNew(temporary));
    try {
      await handle.writeFile(bytes);
      await handle.close();
      await rename(temporary, path);
    } catch (error) {
      await handle.close().catch(() => undefined);
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const file = await ifThere(readFile(join(this.folder, key)));
    return file && new Uint8Array(file);
  }

  async remove(key: string): Promise<void> {
    const path = join(this.folder, key);
    await rm(path, { force: true });
    // Folders of keys with several parts. One that is not empty stays.
    if (dirname(path) !== this.folder) await rmdir(dirname(path)).catch(() => undefined);
  }

  async *list(prefix: string): AsyncIterable<StoredFile> {
    // The folder that holds all keys with this prefix.
    yield* this.#walk(join(this.folder, dirname(`${prefix}x`)), prefix);
  }

  async *#walk(folder: string, prefix: string): AsyncIterable<StoredFile> {
    removeStale(folder, STALE_MS, () => true);
    for (const entry of (await ifThere(readdir(folder, { withFileTypes: true }))) ?? []) {
      const path = join(folder, entry.name);
      const key = relative(this.folder, path).replaceAll(sep, "/");
      if (entry.isDirectory()) yield* this.#walk(path, prefix);
      else if (key.startsWith(prefix) && !entry.name.startsWith(".")) {
        const found = await ifThere(stat(path));
        if (found) yield { key, bytes: found.size, modified: found.mtimeMs };
      }
    }
  }
}

async function openNew(path: string) {
  await makeFolder(dirname(path));
  return open(path, "wx", 0o600);
}

/** Undefined if there is no such file or folder. */
async function ifThere<Value>(found: Promise<Value>): Promise<Value | undefined> {
  try {
    return await found;
  } catch (error) {
    if (isSystemError(error) && (error.code === "ENOENT" || error.code === "ENOTDIR")) return undefined;
    throw error;
  }
}
