import type { FileOptions } from "../load-config.js";
import type { DownloadProgress } from "../../files/remote-file.js";

/** How much of a file has been downloaded, or read onto the GPU. */
export type LoadProgress = DownloadProgress;

/**
 * How the models of a load config are loaded. `onWarning` takes also what was assumed of a checkpoint, and what
 * `strict_loading: false` tolerates; default `console.warn`.
 */
export type LoadingOptions = FileOptions;
