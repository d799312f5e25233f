// Node's side of the platform: the only file besides src/cli that may import Node's own modules.
import { open, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { asideOf, removeStale } from "./node-aside.js";
import { FileError } from "./errors.js";
import { fileError, isSystemError } from "./node-error.js";
import { folderExists } from "./node-files.js";
import { makeFolder } from "./node-folder.js";
import type { FileData, Platform } from "./platform.js";

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
export { adapterAdvice, implementationOf, openWebGpu, systemMemory } from "./node-gpu.js";
export { decodeImage, encodePixels } from "./node-image.js";
export { openFile, readBytes, readText } from "./node-reading.js";

/** What was not written to for as long was left by a process that was killed. */
const STALE_MS = 600_000;

export const writeFileAtomic: Platform["writeFileAtomic"] = async (file, data) => {
  await refuseFolder(file);
  const aside = asideOf(file);
  try {
    await makeFolder(dirname(file));
    removeStale(dirname(file), STALE_MS, (name) => name === basename(file));
    await writeChunks(aside, data);
    await rename(aside, file);
  } catch (cause) {
    // The first failure is the one to report, even where tidying up fails too.
    await rm(aside, { force: true }).catch(() => undefined);
    // What fails in the data's own producer is not the file's fault and passes as it is.
    throw isSystemError(cause) ? fileError(file, "could not be written", cause) : cause;
  }
};

/** Renaming would say so as well, but only once all is written. */
async function refuseFolder(file: string): Promise<void> {
  if (!(await folderExists(file))) return;
  throw new FileError(file, "could not be written: it is a folder", { advice: "name a file in it" });
}

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

export const packageFile: Platform["packageFile"] = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export const environmentVariable: Platform["environmentVariable"] = (name) => process.env[name];

export const sendsAnyHeader: Platform["sendsAnyHeader"] = true;

export { dirname, isAbsolute, join };
