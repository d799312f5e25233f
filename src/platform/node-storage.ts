// What browsers decide about storage, and Node leaves to the disk.
import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Platform } from "./platform.js";

const nothing = (): void => undefined;

export const canKeepFiles: Platform["canKeepFiles"] = () => Promise.resolve(true);

export const locksFiles: Platform["locksFiles"] = false;

export const holdFile: Platform["holdFile"] = () => Promise.resolve(nothing);

export const unlessHeld: Platform["unlessHeld"] = (_, body) => body();

export const isHeld: Platform["isHeld"] = () => Promise.resolve(false);

/** Of the nearest folder that exists. Some runtimes and file systems cannot say. */
export const freeBytes: Platform["freeBytes"] = async (folder) => {
  const path = resolve(folder);
  try {
    const { bavail, blocks, bsize } = await statfs(path);
    return blocks > 0 ? bavail * bsize : undefined;
  } catch {
    return dirname(path) === path ? undefined : freeBytes(dirname(path));
  }
};

export const sharesQuota: Platform["sharesQuota"] = false;

export const writesToCopy: Platform["writesToCopy"] = () => false;

export const askPersistence: Platform["askPersistence"] = () => undefined;

export const isPersistent: Platform["isPersistent"] = () => Promise.resolve(true);

export const noteOnDownloads: Platform["noteOnDownloads"] = (folder) =>
  `Downloads are kept in ${folder}. Set DALLE2_CACHE to use another folder; "dalle2 cache" lists and clears it`;

export const spaceAdvice: Platform["spaceAdvice"] = "free some space, or choose a folder on another disk";
