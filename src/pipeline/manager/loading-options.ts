import type { FileOptions } from "../load-config.js";
import type { DownloadProgress } from "../../files/running-download.js";

/** How much of a file is downloaded, or read to the GPU. */
export type LoadProgress = DownloadProgress;

/**
 * How the models of a load config are loaded. `onWarning` is also called with what was assumed of a checkpoint, and with what
 * `strict_loading: false` tolerates. Default: `console.warn`.
 */
export type LoadingOptions = FileOptions;
