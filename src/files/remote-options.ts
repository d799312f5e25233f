import { warnOnConsole } from "../platform/printable.js";
import { PATIENCE, type Patience } from "./patience.js";
import type { PublishedFile } from "./publication.js";
import type { HttpOptions } from "./request.js";
import type { RunPatience } from "./retry.js";
import type { DownloadProgress } from "./running-download.js";
import type { UnreachableHosts } from "./unreachable-hosts.js";

/** A file on a server that is kept on this machine after its download. */
export interface RemoteFile extends PublishedFile {
  /** Folder to keep it in under `filename`, as dalle2-laion does. Default: the user's cache. */
  readonly folder?: string | undefined;
  /** Its name in the folder. */
  readonly filename: string;
  /** Larger files are refused. Default: 256 GiB. */
  readonly maxBytes?: number | undefined;
}

export interface RemoteOptions extends HttpOptions {
  /** Replaces the user's cache (`cacheFolder` of the platform). */
  readonly cacheFolder?: string | undefined;
  /** If false, a kept file is used without asking the server for a newer version. Default true. */
  readonly checkUpdates?: boolean | undefined;
  /** If false, a file without `folder` is downloaded each time and removed when its source is closed. Default true. */
  readonly keep?: boolean | undefined;
  /**
   * If true, a file that has to be downloaded is opened as soon as its size is known: reads wait for their bytes, and `complete` for
   * the rest. Default false.
   */
  readonly early?: boolean | undefined;
  /** Servers that could not be reached in this run. They are not tried again. Default: none. */
  readonly hosts?: UnreachableHosts | undefined;
  /** Called at most ten times a second, and at the end. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Receives warnings. Default: `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** When to retry requests for a file. With a kept file at hand, there is no long wait for an answer. */
export function patienceOf(
  { patience, hosts, onWarning: warn = warnOnConsole }: RemoteOptions,
  isKept = false,
): RunPatience {
  const onRetry: Patience["onRetry"] = (problem, pause) => {
    warn(`${problem}; trying again in ${Math.ceil(pause / 1000)} s`);
  };
  const all = { ...PATIENCE, onRetry, ...patience, hosts };
  return isKept ? { ...all, attempts: 1, stall: Math.min(all.stall, 10_000) } : all;
}
