// The platform in Node: apart from src/cli, only this file and its siblings may import Node's own modules.
import { open, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { temporaryPath, removeStale } from "./node-temporary-files.js";
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
export {
  adapterAdvice,
  compilingDevices,
  implementationOf,
  openWebGpu,
  processorTime,
  systemMemory,
  waitForDawn,
} from "./node-gpu.js";
export { decodeImage, encodePixels } from "./node-image.js";
export { openFile, readBytes, readText } from "./node-reading.js";
export {
  askPersistence,
  canKeepFiles,
  freeBytes,
  holdFile,
  isHeld,
  isPersistent,
  locksFiles,
  noteOnDownloads,
  sharesQuota,
  spaceAdvice,
  unlessHeld,
  writesToCopy,
} from "./node-storage.js";

/** Temporary files that were not changed for this long are from processes that were killed. */
const STALE_MS = 600_000;

export const writeFileAtomic: Platform["writeFileAtomic"] = async (file, data) => {
  await refuseFolder(file);
  const temporary = temporaryPath(file);
  try {
    await makeFolder(dirname(file));
    removeStale(dirname(file), STALE_MS, (name) => name === basename(file));
    await writeChunks(temporary, data);
    await rename(temporary, file);
  } catch (cause) {
    // Report the first error, even if the clean-up fails too.
    await rm(temporary, { force: true }).catch(() => undefined);
    // Errors of the data's producer are not errors of the file and pass unchanged.
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
  // The specification says to ignore an empty or relative value (XDG Base Directory Specification, "Basics").
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), ".cache"), "dalle2-webgpu");
};

/** As huggingface_hub has it, also with the older name of its variable (huggingface_hub, constants.py). */
export const hubCacheFolder: Platform["hubCacheFolder"] = () => {
  const own = setVariable("HF_HUB_CACHE") ?? setVariable("HUGGINGFACE_HUB_CACHE");
  if (own !== undefined) return own;
  const caches = setVariable("XDG_CACHE_HOME") ?? join(homedir(), ".cache");
  return join(setVariable("HF_HOME") ?? join(caches, "huggingface"), "hub");
};

/** The value of an environment variable; undefined also if it is empty. */
function setVariable(name: string): string | undefined {
  return process.env[name] === "" ? undefined : process.env[name];
}

export const packageFile: Platform["packageFile"] = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export const environmentVariable: Platform["environmentVariable"] = (name) => process.env[name];

export const hasEnvironment: Platform["hasEnvironment"] = true;

export const refusedFileAdvice: Platform["refusedFileAdvice"] = "download the file in another way and give its path";

export const sendsAnyHeader: Platform["sendsAnyHeader"] = true;

export const relativeRoot: Platform["relativeRoot"] = "the working directory";

export const otherFilesAdvice: Platform["otherFilesAdvice"] = undefined;

export const keepsRelativeFiles: Platform["keepsRelativeFiles"] = false;

export const explainFailedFetch: Platform["explainFailedFetch"] = () => Promise.resolve(undefined);

export { dirname, isAbsolute, join };
