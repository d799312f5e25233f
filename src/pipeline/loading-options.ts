export interface LoadProgress {
  /** The file being read. */
  readonly file: string;
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

export interface LoadingOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** Takes what was assumed of a checkpoint, and what `strict_loading: false` tolerates; default `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Fetches URLs; for proxies and authentication. */
  readonly fetch?: typeof fetch | undefined;
  /** Folder for what is downloaded. Default: the user's cache. */
  readonly cacheFolder?: string | undefined;
}
