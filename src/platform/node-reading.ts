// Reads files in Node. Only regular files are opened: a pipe without a writer never answers, and a device never ends.
import { constants, createReadStream, type Stats } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import process from "node:process";
import { concatBytes } from "./bytes.js";
import { checkRange, FileError } from "./errors.js";
import { checkSize, TooLargeError } from "./limits.js";
import { fileError } from "./node-error.js";
import type { Platform } from "./platform.js";
import type { ByteSource } from "./source.js";
import { decodeUtf8 } from "./utf8.js";

class NodeFileSource implements ByteSource {
  constructor(
    private readonly handle: FileHandle,
    readonly name: string,
    readonly size: number,
  ) {}

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    checkRange(this.name, this.size, offset, length);
    return readFully(this.handle, this.name, offset, length, signal);
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

/** Reads `length` bytes of an open file. Rejects with FileError if it ends before. */
export async function readFully(
  handle: FileHandle,
  path: string,
  offset: number,
  length: number,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  // One read may return fewer bytes than requested: Linux stops at 2 GiB, network drives earlier.
  while (filled < length) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0)
      throw new FileError(path, `ended at byte ${offset + filled}: the file became shorter while it was read`);
    filled += bytesRead;
  }
  return bytes;
}

export const openFile: Platform["openFile"] = (file) => openRegular(file, "could not be opened");

export const readBytes: Platform["readBytes"] = async (file, maxBytes) => {
  if (await isOpenPipe(file)) return readPipe(file, maxBytes);
  const source = await openRegular(file, "could not be read");
  try {
    checkSize(file, source.size, maxBytes);
    return await source.read(0, source.size);
  } finally {
    await source.close();
  }
};

export const readText: Platform["readText"] = async (file, maxBytes) =>
  decodeUtf8(await readBytes(file, maxBytes), file);

// Windows has neither this flag nor pipes among its files.
const NOT_BLOCKING = process.platform === "win32" ? 0 : constants.O_NONBLOCK;

async function openRegular(file: string, problem: string): Promise<ByteSource> {
  const fail = (cause: unknown): never => {
    throw fileError(file, problem, cause);
  };
  checkRegular(file, await stat(file).catch(fail));
  // Another file may have replaced it meanwhile: with this flag, opening a pipe does not wait for its other end.
  const handle = await open(file, constants.O_RDONLY | NOT_BLOCKING).catch(fail);
  try {
    const found = await handle.stat();
    checkRegular(file, found);
    return new NodeFileSource(handle, file, found.size);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function checkRegular(file: string, found: Stats): void {
  if (!found.isFile()) throw new FileError(file, "is a folder or a device", { advice: "name a file in it" });
}

/** True for an open pipe of this process: standard input, or a shell's `<(command)`. */
async function isOpenPipe(file: string): Promise<boolean> {
  if (!/^\/(?:dev\/(?:stdin|fd\/\d+)|proc\/self\/fd\/\d+)$/.test(file)) return false;
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

async function readPipe(file: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const isStdin = /\/(?:stdin|fd\/0)$/.test(file);
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of isStdin ? process.stdin : createReadStream(file)) {
      size += (chunk as Uint8Array).length;
      if (size > maxBytes) throw new TooLargeError(file, `goes on after ${maxBytes} bytes`, maxBytes);
      chunks.push(chunk as Uint8Array);
    }
  } catch (cause) {
    throw cause instanceof FileError ? cause : fileError(file, "could not be read", cause);
  }
  return concatBytes(chunks);
}
