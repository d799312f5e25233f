import type { FileOptions } from "../load-config.js";
import type { DownloadProgress } from "../../files/running-download.js";

/** How much of a file is downloaded, or read to the GPU. */
export interface LoadProgress extends DownloadProgress {
  /** Name of the component whose weights are read to the GPU; undefined for downloads. */
  readonly component?: string | undefined;
}

/**
 * How the models of a load config are loaded. `onWarning` is also called with what was assumed of a checkpoint, and with what
 * `strict_loading: false` tolerates. Default: `console.warn`.
 */
export interface LoadingOptions extends Omit<FileOptions, "onProgress"> {
  /** Called with the progress of each download, and of the weights of each component. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}
