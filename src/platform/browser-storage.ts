// What this site may store, and which of its tabs uses what. Locks are let go when their tab or worker ends, however it ends.
import { FileError } from "./errors.js";
import type { Platform } from "./platform.js";

/** Missing in pages that are neither over https nor from this computer. */
function locks(): LockManager {
  const { locks } = navigator as Partial<Pick<Navigator, "locks">>;
  if (locks) return locks;
  throw new FileError("this site's private file system", "is not available in this page", {
    advice: "open the page over https or from localhost",
  });
}

export const exclusively: Platform["exclusively"] = async (name, body, signal) => {
  return await locks().request(`dalle2-webgpu:${name}`, signal ? { signal } : {}, body);
};

export const canKeepFiles: Platform["canKeepFiles"] = async () => {
  try {
    await navigator.storage.getDirectory();
    return "locks" in navigator;
  } catch {
    return false;
  }
};

export const locksFiles: Platform["locksFiles"] = true;

const holdName = (path: string): string => `dalle2-webgpu:reading:${path}`;

export const holdFile: Platform["holdFile"] = (path) =>
  new Promise((resolve, reject) => {
    const untilReleased = (): Promise<void> =>
      new Promise((release) => {
        resolve(release);
      });
    locks().request(holdName(path), { mode: "shared" }, untilReleased).catch(reject);
  });

export const unlessHeld: Platform["unlessHeld"] = async (path, body) =>
  await locks().request(holdName(path), { ifAvailable: true }, async (lock) =>
    lock === null ? undefined : await body(),
  );

export const isHeld: Platform["isHeld"] = async (path) => {
  const { held = [] } = await locks().query();
  return held.some(({ name }) => name === holdName(path));
};

/** Missing in the same pages as locks. */
function storage(): StorageManager | undefined {
  return (navigator as Partial<Pick<Navigator, "storage">>).storage;
}

export const freeBytes: Platform["freeBytes"] = async () => {
  // Some browsers refuse in private windows.
  const { quota, usage } =
    (await storage()
      ?.estimate()
      .catch((): StorageEstimate => ({}))) ?? {};
  return quota === undefined || usage === undefined ? undefined : Math.max(0, quota - usage);
};

export const sharesQuota: Platform["sharesQuota"] = true;

let asked: Promise<boolean> | undefined;

/** Workers have no `persist`. */
export const askPersistence: Platform["askPersistence"] = () => {
  const manager = storage();
  if (!manager || !("persist" in manager)) return undefined;
  asked ??= manager.persist().catch(() => false);
  return asked;
};

export const isPersistent: Platform["isPersistent"] = async () =>
  storage()
    ?.persisted()
    .catch(() => undefined);

export const noteOnDownloads: Platform["noteOnDownloads"] = () =>
  "Downloads are kept in this site's private file system; listCache() and clearCache() list and clear them";

export const spaceAdvice: Platform["spaceAdvice"] =
  "remove downloads by clearCache(), or free some space on the disk, of which the browser gives each site a share";
