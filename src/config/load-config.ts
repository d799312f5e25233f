import { openSource, resolveBeside } from "../files/open.js";
import { openRemote, type DownloadProgress, type RemoteOptions } from "../files/remote-file.js";
import type { HttpOptions } from "../files/request.js";
import type { ByteSource } from "../platform/source.js";
import { parseConfig } from "./config-error.js";
import { downloadName, type FileLocation } from "./file-location.js";
import { modelLoadConfig, type ModelLoadConfigData } from "./load-config-schema.js";
import { findCacheFolder, findFile } from "./path-lookup.js";
import { parseJson, readJson } from "./read-json.js";

/** How the files of a load config are opened. */
export interface FileOptions extends HttpOptions {
  /** Folder for downloads that have no `cache_dir`. Default: the user's cache. */
  readonly cacheFolder?: string | undefined;
  /** False: what was downloaded before is used without asking its server. Default true. */
  readonly checkUpdates?: boolean | undefined;
  /** False: downloads that have no `cache_dir` are fetched each time and removed when closed, as dalle2-laion does. Default true. */
  readonly keepDownloads?: boolean | undefined;
  /** How files on servers are read: downloaded as a whole, the default; or by ranges, which is better for headers alone. */
  readonly remote?: "download" | "ranges" | undefined;
  /** How often and how long servers are tried. */
  readonly patience?: RemoteOptions["patience"];
  /** Told how much of a download has come. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Default `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** A file that a load config names. */
export interface NamedFile {
  /** Its path in the config, such as `decoder.unet_sources[0].load_model_from`. */
  readonly place: string;
  readonly file: FileLocation;
}

/** A load config and where it came from, against which its relative paths are read. */
export class ModelLoadConfig {
  /** Where local files were found that are not in the config's folder, by their path in the config. */
  readonly #inWorkingDirectory = new Map<string, string>();

  private constructor(
    readonly data: ModelLoadConfigData,
    /** Path or URL of the config. */
    readonly source: string,
  ) {}

  /** Reads a load config from a JSON file, given by path or URL. Rejects with `FileError` or `ConfigError`. */
  static async fromJsonPath(path: string, options: HttpOptions = {}): Promise<ModelLoadConfig> {
    return ModelLoadConfig.parse(await readJson(path, options), path);
  }

  /**
   * Checks a load config that was read already; its relative paths start at the folder of `source`, or at the working
   * directory where there is none. Throws `ConfigError`.
   */
  static parse(value: unknown, source = "load config"): ModelLoadConfig {
    return new ModelLoadConfig(parseConfig(modelLoadConfig, value, source), source);
  }

  /** Every file that the config names, with its place in the config: `prior.load_model_from`. */
  files(): readonly NamedFile[] {
    const { decoder, prior, clip } = this.data;
    const models = [
      ...(decoder?.unet_sources ?? []).map((source, i) => [`decoder.unet_sources[${i}]`, source] as const),
      ...(prior ? [["prior", prior] as const] : []),
    ];
    const files = models.flatMap(([place, { load_model_from: model, load_config_from: config }]) => [
      { place: `${place}.load_model_from`, file: model },
      ...(config ? [{ place: `${place}.load_config_from`, file: config }] : []),
    ]);
    return clip?.load_model_from ? [...files, { place: "clip.load_model_from", file: clip.load_model_from }] : files;
  }

  /**
   * Opens a file that the config names, for reads by range; what is on a server is downloaded first, unless it was before.
   * The caller closes it. Rejects with `FileError`.
   */
  async openFile(file: FileLocation, options: FileOptions = {}): Promise<ByteSource> {
    const { signal, fetch, onWarning = console.warn } = options;
    if (file.load_type === "local") {
      return openSource(await this.#find(file.path, onWarning), { signal, fetch });
    }
    if (options.remote === "ranges") return openSource(file.path, { signal, fetch });
    const { path: url, checksum_file_path: checksumUrl, cache_dir: cacheDir } = file;
    const folder = cacheDir == null ? undefined : await findCacheFolder(this.source, cacheDir);
    const remote = { url, checksumUrl: checksumUrl ?? undefined, folder, filename: downloadName(file) };
    return openRemote(remote, { ...options, keep: options.keepDownloads, onWarning });
  }

  /** The content of a JSON file that the config names. Rejects with `FileError`, or `ConfigError` where it is not JSON. */
  async readJson(file: FileLocation, options: FileOptions = {}): Promise<unknown> {
    const source = await this.openFile(file, options);
    try {
      return parseJson(await source.read(0, source.size, options.signal), this.describe(file));
    } finally {
      await source.close();
    }
  }

  /** Path or URL of a file that the config names, for messages. */
  describe({ load_type, path }: FileLocation): string {
    return load_type === "url" ? path : (this.#inWorkingDirectory.get(path) ?? resolveBeside(this.source, path));
  }

  async #find(path: string, onWarning: (message: string) => void): Promise<string> {
    const { location, inWorkingDirectory } = await findFile(this.source, path);
    if (!inWorkingDirectory) return location;
    if (this.#inWorkingDirectory.size === 0) {
      onWarning(`${path} is not in the folder of ${this.source}; it is read from the working directory.`);
    }
    this.#inWorkingDirectory.set(path, location);
    return location;
  }
}
