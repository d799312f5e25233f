// The platform in browsers. Files are in the origin private file system, which needs no permission.
import type { Platform } from "./platform.js";

export {
  createSha256,
  folderExists,
  listFiles,
  moveFile,
  openFile,
  openWriter,
  readBytes,
  readText,
  removeFile,
  statFile,
  writeFileAtomic,
  writesToCopy,
} from "./browser-files.js";
export {
  adapterAdvice,
  implementationOf,
  openWebGpu,
  compilingDevices,
  processorTime,
  systemMemory,
  waitForDawn,
} from "./browser-gpu.js";
export { decodeImage, encodePixels } from "./browser-image.js";
export { explainFailedFetch } from "./browser-network.js";
export { dirname, isAbsolute, join } from "./browser-paths.js";
export {
  askPersistence,
  canKeepFiles,
  exclusively,
  freeBytes,
  holdFile,
  isHeld,
  isPersistent,
  locksFiles,
  noteOnDownloads,
  sharesQuota,
  spaceAdvice,
  unlessHeld,
} from "./browser-storage.js";

export const cacheFolder: Platform["cacheFolder"] = () => "dalle2-webgpu/cache";

export const hubCacheFolder: Platform["hubCacheFolder"] = () => undefined;

// In a variable: bundlers take `new URL` with `import.meta.url` in it for a request to add these files to the bundle.
const thisModule = import.meta.url;

/** Beside this package's code; beside the page, if a bundler made of it what has no address. */
export const packageFile: Platform["packageFile"] = (path) =>
  /^https?:/.test(thisModule) ? new URL(`../../${path}`, thisModule).href : new URL(path, location.href).href;

export const environmentVariable: Platform["environmentVariable"] = () => undefined;

export const hasEnvironment: Platform["hasEnvironment"] = false;

export const refusedFileAdvice: Platform["refusedFileAdvice"] =
  "ask whoever runs the server for access, or download the file in another way and give the page that file";

export const sendsAnyHeader: Platform["sendsAnyHeader"] = false;

export const relativeRoot: Platform["relativeRoot"] = "this site's private file system";

export const otherFilesAdvice: Platform["otherFilesAdvice"] =
  "paths are those of this site's private file system: give the whole URL of a file on a server, or a file or folder that the user picked or dropped";

export const keepsRelativeFiles: Platform["keepsRelativeFiles"] = true;
