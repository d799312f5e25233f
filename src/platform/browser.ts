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
  processorTime,
  systemMemory,
  waitForDawn,
} from "./browser-gpu.js";
export { decodeImage, encodePixels } from "./browser-image.js";
export { explainFailedFetch } from "./browser-network.js";
export { dirname, isAbsolute, join } from "./browser-paths.js";
export {
  askPersistence,
  exclusively,
  freeBytes,
  holdFile,
  isHeld,
  isPersistent,
  noteOnDownloads,
  spaceAdvice,
  unlessHeld,
} from "./browser-storage.js";

export const cacheFolder: Platform["cacheFolder"] = () => "dalle2-webgpu/cache";

export const hubCacheFolder: Platform["hubCacheFolder"] = () => undefined;

export const packageFile: Platform["packageFile"] = (path) => new URL(`../../${path}`, import.meta.url).href;

export const environmentVariable: Platform["environmentVariable"] = () => undefined;

export const sendsAnyHeader: Platform["sendsAnyHeader"] = false;

export const keepsRelativeFiles: Platform["keepsRelativeFiles"] = true;
