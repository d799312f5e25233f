// Files in the origin private file system, which needs no permission.
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { join } from "./browser-paths.js";
import { FileError } from "./errors.js";
import { spaceAdvice } from "./browser-storage.js";
import { checkSize } from "./limits.js";
import type { FileWriter } from "./file-writer.js";
import type { Platform } from "./platform.js";
import { BlobSource, type ByteSource } from "./source.js";
import { decodeUtf8 } from "./utf8.js";

export const openFile: Platform["openFile"] = async (path) => new OpfsSource(await fileAt(path), path);

/**
 * A `File` can be read only as long as nobody writes to the file. If another tab has mended damage in it meanwhile, it is
 * opened again.
 */
class OpfsSource implements ByteSource {
  readonly size: number;
  #source: BlobSource;

  constructor(
    file: File,
    readonly name: string,
  ) {
    this.size = file.size;
    this.#source = new BlobSource(file, name);
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const source = this.#source;
    try {
      return await source.read(offset, length, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof FileError) || error.code === "file/range") throw error;
      const file = await ifPresent(fileAt(this.name));
      if (file?.size !== this.size) throw removedError(this.name, error);
      this.#source = new BlobSource(file, this.name);
      return await this.#source.read(offset, length, signal);
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function removedError(path: string, cause: unknown): FileError {
  return new FileError(path, "was removed from this site's private file system, or replaced, while it was read", {
    cause,
    advice: "load the models again",
  });
}

export const readBytes: Platform["readBytes"] = async (path, maxBytes) => {
  const file = await fileAt(path);
  checkSize(path, file.size, maxBytes);
  return new Uint8Array(await file.arrayBuffer());
};

export const readText: Platform["readText"] = async (path, maxBytes) =>
  decodeUtf8(await readBytes(path, maxBytes), path);

/** A writable stream replaces the file only when it is closed, so the write is atomic. */
export const writeFileAtomic: Platform["writeFileAtomic"] = async (path, data) => {
  const handle = await handleAt(path, true);
  const stream = await handle.createWritable();
  try {
    if (data instanceof Uint8Array) await stream.write(new Uint8Array(data));
    else for await (const chunk of data) await stream.write(new Uint8Array(chunk));
  } catch (error) {
    await stream.abort();
    throw error;
  }
  await stream.close();
};

const COMMIT_BYTES = 2 ** 26;

/**
 * Writes at any offset. Bytes become part of the file only when the writable stream is closed, and opening a stream copies
 * the file. So the stream is closed and reopened each time that it has written as many bytes as the file had. A page that is
 * closed loses half of the file at most, and the copies are at most as large as the file. Handles that write in place exist
 * only in workers.
 */
class CopyingWriter implements FileWriter {
  #stream: FileSystemWritableFileStream | undefined;
  #pending = 0;
  #readableBytes: number;

  constructor(
    private readonly handle: FileSystemFileHandle,
    private readonly path: string,
    /** Bytes that are already part of the file. */
    private committed: number,
  ) {
    this.#readableBytes = committed;
  }

  get readableBytes(): number {
    return this.#readableBytes;
  }

  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const file = await this.handle.getFile();
    return new BlobSource(file, this.path).read(offset, length);
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    try {
      this.#stream ??= await this.handle.createWritable({ keepExistingData: true });
      await this.#stream.write({ type: "write", position: offset, data: new Uint8Array(bytes) });
      this.#pending += bytes.length;
      if (this.#pending >= Math.max(COMMIT_BYTES, this.committed)) await this.#commit();
    } catch (cause) {
      throw writeError(this.path, cause);
    }
  }

  async close(): Promise<void> {
    await this.#commit().catch((cause: unknown) => {
      throw writeError(this.path, cause);
    });
  }

  async #commit(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    this.committed += this.#pending;
    this.#pending = 0;
    await stream?.close();
    if (stream) this.#readableBytes = (await this.handle.getFile()).size;
  }
}

function writeError(path: string, cause: unknown): FileError {
  return isFull(cause)
    ? noSpace(path, cause)
    : new FileError(path, `could not be written: ${String(cause)}`, { cause });
}

function isFull(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === "QuotaExceededError";
}

function noSpace(path: string, cause: unknown): FileError {
  return new FileError(path, "could not be written: this site's storage is full", {
    code: "file/no-space",
    cause,
    advice: spaceAdvice,
  });
}

/** What TypeScript's library has only for workers. Safari's early versions returned promises. */
interface InPlaceHandle {
  read(bytes: Uint8Array, options: { readonly at: number }): number;
  write(bytes: Uint8Array, options: { readonly at: number }): number;
  flush(): unknown;
  close(): unknown;
}

interface WorkerFileHandle extends FileSystemFileHandle {
  createSyncAccessHandle(): Promise<InPlaceHandle>;
}

/** Only workers have handles that write in place: their calls wait for the disk. */
function writesInPlace(handle: FileSystemFileHandle): handle is WorkerFileHandle {
  return !writesToCopy() && "createSyncAccessHandle" in handle;
}

export const writesToCopy: Platform["writesToCopy"] = () => "document" in globalThis;

/** Writes in place at any offset. Bytes are in the file at once, so that a worker that is ended loses none. */
class InPlaceWriter implements FileWriter {
  readonly readableBytes = Infinity;

  constructor(
    private readonly handle: InPlaceHandle,
    private readonly path: string,
  ) {}

  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#try(() => {
      for (let done = 0; done < bytes.length;) {
        const written = this.handle.write(bytes.subarray(done), { at: offset + done });
        if (written === 0) throw new DOMException("nothing was written", "QuotaExceededError");
        done += written;
      }
    });
  }

  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    // In a continuation, so that a closed handle rejects instead of throwing.
    return Promise.resolve().then(() => {
      if (this.handle.read(bytes, { at: offset }) === length) return bytes;
      throw new FileError(this.path, `ended before byte ${offset + length}`);
    });
  }

  close(): Promise<void> {
    return this.#try(async () => {
      try {
        await this.handle.flush();
      } finally {
        await this.handle.close();
      }
    });
  }

  async #try(action: () => unknown): Promise<void> {
    try {
      await action();
    } catch (cause) {
      throw writeError(this.path, cause);
    }
  }
}

const OPEN_ATTEMPTS = 20;

/** A worker that was just ended may still have the file open. */
async function inPlace(handle: WorkerFileHandle, path: string): Promise<InPlaceWriter> {
  for (let attempt = 1; ; attempt++) {
    try {
      return new InPlaceWriter(await handle.createSyncAccessHandle(), path);
    } catch (cause) {
      const isBusy = cause instanceof DOMException && cause.name === "NoModificationAllowedError";
      if (!isBusy || attempt === OPEN_ATTEMPTS) throw writeError(path, cause);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

export const openWriter: Platform["openWriter"] = async (path, { mustExist = false } = {}) => {
  const handle = await handleAt(path, !mustExist);
  if (writesInPlace(handle)) return inPlace(handle, path);
  return new CopyingWriter(handle, path, (await handle.getFile()).size);
};

export const statFile: Platform["statFile"] = async (path) => {
  const file = await ifPresent(fileAt(path));
  return file && { size: file.size, modified: file.lastModified };
};

export const folderExists: Platform["folderExists"] = async (path) =>
  (await ifPresent(folderAt(path, partsOf(path), false))) !== undefined;

export const listFiles: Platform["listFiles"] = async (path) => {
  const folder = await ifPresent(folderAt(path, partsOf(path), false));
  const names: string[] = [];
  if (folder) for await (const [name, { kind }] of folder.entries()) if (kind === "file") names.push(name);
  return names;
};

/**
 * Every browser with a private file system has `move`. TypeScript's library lacks it because it is not standard elsewhere.
 */
interface MovableFileHandle extends FileSystemFileHandle {
  move(folder: FileSystemDirectoryHandle, name: string): Promise<void>;
}

export const moveFile: Platform["moveFile"] = async (from, to) => {
  const handle = await ifPresent(handleAt(from, false));
  if (!handle) return false;
  const parts = partsOf(to);
  const name = parts.pop()!;
  await (handle as MovableFileHandle).move(await folderAt(to, parts, true), name);
  return true;
};

export const removeFile: Platform["removeFile"] = async (path) => {
  const parts = partsOf(path);
  const name = parts.pop()!;
  await ifPresent(folderAt(path, parts, false).then((folder) => inFolder(path, folder.removeEntry(name))));
};

export const createSha256: Platform["createSha256"] = () => {
  const hash = sha256.create();
  return { update: (bytes) => void hash.update(bytes), digest: () => bytesToHex(hash.digest()) };
};

async function fileAt(path: string): Promise<File> {
  return (await handleAt(path, false)).getFile();
}

async function handleAt(path: string, create: boolean): Promise<FileSystemFileHandle> {
  const parts = partsOf(path);
  const name = parts.pop();
  if (name === undefined) throw new FileError(path, "is not the path of a file");
  const folder = await folderAt(path, parts, create);
  return inFolder(path, folder.getFileHandle(name, { create }));
}

async function folderAt(path: string, parts: readonly string[], create: boolean): Promise<FileSystemDirectoryHandle> {
  let folder = await inFolder(path, root());
  for (const part of parts) folder = await inFolder(path, folder.getDirectoryHandle(part, { create }));
  return folder;
}

/** Rejects in pages that are neither over https nor from this computer, and in private windows of some browsers. */
async function root(): Promise<FileSystemDirectoryHandle> {
  return await navigator.storage.getDirectory();
}

function partsOf(path: string): string[] {
  const parts = join(path)
    .split("/")
    .filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new FileError(path, "is not the path of a file");
  return parts;
}

async function inFolder<Value>(path: string, result: Promise<Value>): Promise<Value> {
  return result.catch((cause: unknown) => {
    if (cause instanceof DOMException && cause.name === "NotFoundError") {
      const advice = "check the path; to read any other file, give a URL or the File that the user picked";
      throw new FileError(path, "is not in this site's private file system", { code: "file/not-found", cause, advice });
    }
    // A new file needs some room, too.
    if (isFull(cause)) throw noSpace(path, cause);
    const advice =
      "open the page over https or from localhost, and not in a private window, where some browsers store nothing";
    throw new FileError(path, "could not be opened in this site's private file system", { cause, advice });
  });
}

/** Undefined if a file or folder is missing. */
async function ifPresent<Value>(found: Promise<Value>): Promise<Value | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof FileError && error.code === "file/not-found") return undefined;
    throw error;
  }
}
