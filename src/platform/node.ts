// Node's side of the platform: the only file besides src/cli that may import Node's own modules.
import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm, type FileHandle } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import process from "node:process";
import { checkRange, FileError } from "./errors.js";
import { fileError, isSystemError } from "./node-error.js";
import type { FileData, Platform } from "./platform.js";
import type { ByteSource } from "./source.js";
import { decodeUtf8 } from "./utf8.js";

export {
  createSha256,
  exclusively,
  folderExists,
  listFiles,
  moveFile,
  openWriter,
  removeFile,
  statFile,
} from "./node-files.js";
export { adapterAdvice, openWebGpu, systemMemory } from "./node-gpu.js";
export { decodeImage, encodePicture } from "./node-image.js";

class NodeFileSource implements ByteSource {
  constructor(
    private readonly handle: FileHandle,
    readonly name: string,
    readonly size: number,
  ) {}

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    checkRange(this.name, this.size, offset, length);
    const bytes = new Uint8Array(length);
    let filled = 0;
    // One read of the system may return less than was asked for: Linux stops at 2 GiB, network drives earlier.
    while (filled < length) {
      signal?.throwIfAborted();
      const { bytesRead } = await this.handle.read(bytes, filled, length - filled, offset + filled);
      if (bytesRead === 0)
        throw new FileError(this.name, `ended at byte ${offset + filled}; it shrank while it was read`);
      filled += bytesRead;
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

export const openFile: Platform["openFile"] = async (file) => {
  const handle = await open(file, "r").catch((cause: unknown) => {
    throw fileError(file, "could not be opened", cause);
  });
  const stat = await handle.stat();
  if (stat.isFile()) return new NodeFileSource(handle, file, stat.size);
  await handle.close();
  throw new FileError(file, "is a folder or a device; name a file in it");
};

export const readText: Platform["readText"] = async (file) => {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw fileError(file, "could not be read", cause);
  });
  return decodeUtf8(bytes, file);
};

export const writeFileAtomic: Platform["writeFileAtomic"] = async (file, data) => {
  const aside = `${file}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeChunks(aside, data);
    await rename(aside, file);
  } catch (cause) {
    // The first failure is the one to report, even where tidying up fails too.
    await rm(aside, { force: true }).catch(() => undefined);
    // What fails in the data's own producer is not the file's fault and passes as it is.
    throw isSystemError(cause) ? fileError(file, "could not be written", cause) : cause;
  }
};

async function writeChunks(file: string, data: FileData): Promise<void> {
  const handle = await open(file, "wx");
  try {
    if (data instanceof Uint8Array) await handle.writeFile(data);
    else for await (const chunk of data) await handle.writeFile(chunk);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export const cacheFolder: Platform["cacheFolder"] = () => {
  const { DALLE2_CACHE: own, XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = process.env;
  if (own) return own;
  if (process.platform === "win32") return join(local ?? join(homedir(), "AppData", "Local"), "dalle2-webgpu", "cache");
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "dalle2-webgpu");
  // An empty or relative one is to be ignored (XDG Base Directory Specification, "Basics").
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), ".cache"), "dalle2-webgpu");
};

export const environmentVariable: Platform["environmentVariable"] = (name) => process.env[name];

export const sendsAnyHeader: Platform["sendsAnyHeader"] = true;

export { dirname, isAbsolute, join };
