// File operations of Node that downloads need.
import { createHash } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { open, readdir, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { fileError, isSystemError } from "./node-error.js";
import { makeFolder } from "./node-folder.js";
import { readFully } from "./node-reading.js";
import { orAborted } from "./or-aborted.js";
import type { FileWriter } from "./file-writer.js";
import type { Platform } from "./platform.js";

class NodeFileWriter implements FileWriter {
  readonly readableBytes = Infinity;

  constructor(
    private readonly handle: FileHandle,
    private readonly path: string,
  ) {}

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, offset + done);
        done += bytesWritten;
      }
    } catch (cause) {
      throw fileError(this.path, "could not be written", cause);
    }
  }

  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return readFully(this.handle, this.path, offset, length);
  }

  async close(): Promise<void> {
    try {
      await this.handle.sync();
    } catch (cause) {
      throw fileError(this.path, "could not be written", cause);
    } finally {
      await this.handle.close();
    }
  }
}

export const openWriter: Platform["openWriter"] = async (path, { mustExist = false } = {}) => {
  try {
    if (!mustExist) await makeFolder(dirname(path));
    // Not "w", which empties the file: bytes that another process has written must stay.
    return new NodeFileWriter(await open(path, constants.O_RDWR | (mustExist ? 0 : constants.O_CREAT)), path);
  } catch (cause) {
    throw fileError(path, "could not be written", cause);
  }
};

export const statFile: Platform["statFile"] = async (path) => {
  const found = await ifPresent(stat(path)).catch((cause: unknown) => {
    throw fileError(path, "could not be looked up", cause);
  });
  return found && fileStat(found);
};

function fileStat({ size, mtimeMs }: Stats) {
  return { size, modified: mtimeMs };
}

export const folderExists: Platform["folderExists"] = async (path) => {
  const found = await ifPresent(stat(path)).catch((cause: unknown) => {
    throw fileError(path, "could not be looked up", cause);
  });
  return found?.isDirectory() ?? false;
};

export const listFiles: Platform["listFiles"] = async (folder) => {
  const entries = await ifPresent(readdir(folder, { withFileTypes: true })).catch((cause: unknown) => {
    throw fileError(folder, "could not be listed", cause);
  });
  return (entries ?? []).filter((entry) => entry.isFile()).map(({ name }) => name);
};

export const moveFile: Platform["moveFile"] = async (from, to) => {
  const moved = await ifPresent(rename(from, to).then(() => true)).catch((cause: unknown) => {
    throw fileError(to, "could not be moved to its name", cause);
  });
  return moved ?? false;
};

export const removeFile: Platform["removeFile"] = async (path) => {
  await rm(path, { force: true }).catch((cause: unknown) => {
    throw fileError(path, "could not be removed", cause);
  });
};

const lastOfName = new Map<string, Promise<unknown>>();

export const exclusively: Platform["exclusively"] = async (name, body, signal) => {
  const before = lastOfName.get(name) ?? Promise.resolve();
  const running = before.then(() => {
    signal?.throwIfAborted();
    return body();
  });
  const ended = running.catch(() => undefined);
  lastOfName.set(name, ended);
  void ended.then(() => {
    if (lastOfName.get(name) === ended) lastOfName.delete(name);
  });
  await orAborted(before, signal);
  return running;
};

export const createSha256: Platform["createSha256"] = () => {
  const hash = createHash("sha256");
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest("hex") };
};

/** Undefined if a file or folder does not exist. */
async function ifPresent<Value>(found: Promise<Value>): Promise<Value | undefined> {
  try {
    return await found;
  } catch (error) {
    if (isSystemError(error) && (error.code === "ENOENT" || error.code === "ENOTDIR")) return undefined;
    throw error;
  }
}
