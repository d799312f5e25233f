import { dirname, keepsRelativeFiles, otherFilesAdvice, packageFile, relativeRoot } from "#platform";
import { isFolderIndex, type FileFolder } from "../files/folder/file-folder.js";
import type { GivenFile, GivenFolder, GivenPath } from "../files/folder/given-folder.js";
import { isFolderUrl, localFolder, remoteFolders, remotePlace } from "../files/folder/places.js";
import { plainFolder } from "../files/folder/plain-folder.js";
import { FolderMemory } from "../files/folder/folder-memory.js";
import { openKept, openRemote } from "../files/downloads.js";
import { UnreachableHosts } from "../files/unreachable-hosts.js";
import { isUrl, openSource, resolveBeside } from "../files/open.js";
import type { RemoteFile, RemoteOptions } from "../files/remote-options.js";
import type { DownloadProgress } from "../files/running-download.js";
import type { HttpOptions } from "../files/request.js";
import { FileError } from "../platform/errors.js";
import { MAX_BYTES } from "../platform/limits.js";
import { loadPart } from "../platform/load-part.js";
import { warnOnConsole } from "../platform/printable.js";
import { publicUrl } from "../platform/secrets.js";
import type { ByteSource } from "../platform/source.js";
import { ArgumentError } from "../platform/arguments.js";
import { ConfigError, parseConfig } from "../config/config-error.js";
import { downloadName, nameInUrl } from "../config/file-location.js";
import type { ConfigFolder } from "../config/given-config.js";
import type { FileLocation, ModelLoadConfigData } from "../config/load-config-data.js";
import { checkIsLoadConfig } from "../config/not-a-load-config.js";
import { findCacheFolder, findFile } from "../config/path-lookup.js";
import { readOpenedJson } from "../config/read-json.js";
import { CONFIG_NAMES, configPath, isConfigName, type ConfigName } from "./config-names.js";
import { findPipeline } from "./find-pipeline.js";
import { currentSchema, readConfig } from "./read-config.js";

/** How the files of a load config are opened. */
export interface FileOptions extends HttpOptions {
  /** Folder for downloads that have no `cache_dir`. Default: the user's cache. */
  readonly cacheFolder?: string | undefined;
  /** If false, existing downloads are used without asking their servers. Default true. */
  readonly checkUpdates?: boolean | undefined;
  /**
   * If false, files without `cache_dir` are downloaded each time and removed when closed, as in dalle2-laion. Default true.
   */
  readonly keepDownloads?: boolean | undefined;
  /**
   * How files on servers are read. `download`, the default: they are opened once they are complete. `early`: as soon as their size is
   * known, and reads wait for their bytes. `ranges`: not downloaded, which is better if only headers are read.
   */
  readonly remote?: "download" | "early" | "ranges" | undefined;
  /** Called with the progress of each download. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Called with each warning. Default: `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** How a load config is read. */
export type ConfigOptions = HttpOptions &
  Pick<FileOptions, "cacheFolder" | "checkUpdates" | "keepDownloads" | "onWarning">;

/** How a load config is opened. */
export interface OpenConfigOptions extends ConfigOptions {
  /**
   * The folder that the prior and CLIP are taken from, in place of those that belong to a folder of models: its path, URL, or id on
   * the hub.
   */
  readonly prior?: string | undefined;
}

/** A file that a load config names. */
export interface NamedFile {
  /** Its path in the config, such as `decoder.unet_sources[0].load_model_from`. */
  readonly place: string;
  /** Path or URL of the file. */
  readonly file: FileLocation;
}

/**
 * What `ModelLoadConfig.open` opens: a name, path, URL or hub id; or what a user picked or dropped: the file of a load config
 * whose models are on servers, a folder with one load config and its files, a folder of models, or one of these in a folder.
 */
export type ConfigLocation = string | GivenFile | GivenFolder | GivenPath;

const loadGiven = () => loadPart("the reader of given folders", () => import("../config/given-config.js"));

/** Stands for a config without a path or URL: its relative paths start at `relativeRoot`, or in a given folder. */
const NO_FILE = "load config";

interface ConfigOrigin {
  /** Name, if the config is in the package. */
  readonly name?: ConfigName;
  /** For messages. Default: the name, path or URL. */
  readonly source?: string;
  /** The folder of its files, if a user picked or dropped it. */
  readonly folder?: () => Promise<ConfigFolder>;
  /** Whether its content is other than in the package. */
  readonly isChanged?: boolean;
}

/** A load config, and what its relative paths start from: a path, a URL, or a folder that a user picked or dropped. */
export class ModelLoadConfig {
  /** Local files that were found at `relativeRoot`, by their path in the config. */
  readonly #atRoot = new Map<string, string>();

  /** Servers of its files that could not be reached. */
  readonly #hosts = new UnreachableHosts();

  /** What is known about the folders on servers that it names. */
  readonly #folders = new FolderMemory();

  /** Name, path or URL of the config, for messages. A URL is without secrets. */
  readonly source: string;
  /** Content of the config, with defaults filled in. */
  readonly data: ModelLoadConfigData;
  /** Path or URL, as given; in a folder that a user picked or dropped only for messages. */
  readonly #location: string;
  /** Name, if the config is in the package. */
  readonly #name: ConfigName | undefined;
  /** The folder of its files, if that is neither a path nor a URL. */
  readonly #folder: (() => Promise<ConfigFolder>) | undefined;

  /**
   * Whether it is a load config of the package with other content.
   *
   * @internal
   */
  readonly isChanged: boolean;

  private constructor(
    data: ModelLoadConfigData,
    location: string,
    { name, source = name ?? publicUrl(location), folder, isChanged = false }: ConfigOrigin = {},
  ) {
    this.isChanged = isChanged;
    this.data = data;
    this.#location = location;
    this.#name = name;
    this.#folder = folder;
    this.source = source;
  }

  /**
   * Reads a load config of the package by its name, one of `CONFIG_NAMES`. Default: `shapes`, the included model. Downloads of
   * LAION's go to the user's cache, in Node unless their `cache_dir` exists in the working directory. In browsers, the server must
   * have the folder `configs` of the package beside its code. Rejects with `ArgumentError` for other names.
   *
   * @example
   * const config = await ModelLoadConfig.named("gradio");
   */
  static async named(name: ConfigName = "shapes", options: ConfigOptions = {}): Promise<ModelLoadConfig> {
    if (!isConfigName(name)) {
      const known = CONFIG_NAMES.join(", ");
      throw new ArgumentError("name", `name is ${JSON.stringify(name)}, but must be one of ${known}.`);
    }
    const location = packageFile(configPath(name));
    return new ModelLoadConfig(parseConfig(currentSchema(), await readConfig(location, options), name), location, {
      name,
    });
  }

  /**
   * As `parse`, for a load config of the package, or one that was made of it.
   *
   * @internal
   */
  static async parseNamed(value: unknown, name: ConfigName, options: ConfigOptions = {}): Promise<ModelLoadConfig> {
    const data = parseConfig(currentSchema(), value, name);
    const own = await ModelLoadConfig.named(name, options);
    const isChanged = JSON.stringify(data) !== JSON.stringify(own.data);
    return isChanged ? new ModelLoadConfig(data, own.#location, { name, isChanged }) : own;
  }

  /**
   * Reads a load config by its name, or by path or URL of its file; or makes one of a folder of models in the layout of the
   * diffusers library, given by path, URL, or the id of a repository on the Hugging Face hub (`org/name` or `org/name@revision`).
   * A name comes first, then a path: `shapes` is the name, `./shapes` the file. In a page also files and folders that the user
   * picked or dropped: a folder of models, or one with a load config, whose relative paths lead to files in the folder. If it has
   * several, give `{ folder, path }`. Rejects with `FileError` or `ConfigError`; also if `prior` is given for models that are in no
   * folder.
   *
   * @example
   * const config = await ModelLoadConfig.open(process.argv[2] ?? "shapes");
   * @example
   * button.onclick = async () => show(await ModelLoadConfig.open(await showDirectoryPicker()));
   */
  static async open(given: ConfigLocation, { prior, ...options }: OpenConfigOptions = {}): Promise<ModelLoadConfig> {
    const config = await ModelLoadConfig.#openAny(given, options);
    return prior === undefined ? config : config.#withPrior(prior, options);
  }

  static async #openAny(given: ConfigLocation, options: ConfigOptions): Promise<ModelLoadConfig> {
    if (typeof given === "string") return ModelLoadConfig.#openNamed(given, options);
    const { openGivenConfig } = await loadGiven();
    const { value, name: source, location, folder } = await openGivenConfig(given, options.signal);
    checkIsLoadConfig(value, source);
    const data = parseConfig(currentSchema(), value, source);
    return new ModelLoadConfig(data, location, { source, folder: () => Promise.resolve(folder) });
  }

  /** The same folder of models with another prior. */
  async #withPrior(text: string, options: ConfigOptions): Promise<ModelLoadConfig> {
    const { pipeline } = this.data;
    if (!pipeline) {
      const advice = "name its prior in the load config";
      throw new ConfigError(`${this.source} is no folder of models, so it takes no folder for its prior`, { advice });
    }
    const prior = await findPipeline(text, options);
    if (!prior) throw new FileError(text, "is not a folder of models", { code: "file/not-found" });
    const data = { ...this.data, pipeline: { ...pipeline, prior } };
    return new ModelLoadConfig(data, this.#location, {
      ...(this.#name && { name: this.#name }),
      source: this.source,
      ...(this.#folder && { folder: this.#folder }),
      isChanged: true,
    });
  }

  static async #openNamed(nameOrPath: string, options: ConfigOptions): Promise<ModelLoadConfig> {
    if (isConfigName(nameOrPath)) return ModelLoadConfig.named(nameOrPath, options);
    const folder = await findPipeline(nameOrPath, options);
    if (!folder) return ModelLoadConfig.#openJson(nameOrPath, options);
    const data = parseConfig(currentSchema(), { pipeline: folder }, publicUrl(nameOrPath));
    return new ModelLoadConfig(data, NO_FILE, { source: publicUrl(nameOrPath) });
  }

  static async #openJson(path: string, options: ConfigOptions): Promise<ModelLoadConfig> {
    try {
      return await ModelLoadConfig.fromJsonPath(path, options);
    } catch (error) {
      if (!(error instanceof FileError) || error.code !== "file/not-found" || isUrl(path)) throw error;
      const names = CONFIG_NAMES.join(", ");
      const own = `give the path of a load config or of a folder of models, the id of a repository on the Hugging Face hub (org/name), or one of the names ${names}`;
      const advice = otherFilesAdvice === undefined ? own : `${own}; ${otherFilesAdvice}`;
      throw new FileError(path, "there is no such file", { code: "file/not-found", cause: error, advice });
    }
  }

  /**
   * Reads a load config from a JSON file, given by path or URL. In browsers, one from a URL is kept, and used while its server
   * cannot be reached. Rejects with `FileError` or `ConfigError`.
   */
  static async fromJsonPath(path: string, options: ConfigOptions = {}): Promise<ModelLoadConfig> {
    return ModelLoadConfig.parse(await readConfig(path, options), path);
  }

  /**
   * Checks the content of a load config. Its relative paths start at the folder of `source`, a path or URL; or in the folder
   * `source`, which a user picked or dropped; or without it at the working directory, in browsers at the root of the origin
   * private file system. If `source` is a URL, all local paths must lead to files beside it on its server, and if it is a folder,
   * to files in it. Throws `ConfigError`.
   */
  static parse(value: unknown, source: string | GivenFolder = NO_FILE): ModelLoadConfig {
    const location = typeof source === "string" ? source : NO_FILE;
    checkIsLoadConfig(value, publicUrl(location));
    const data = parseConfig(currentSchema(), value, publicUrl(location));
    if (typeof source === "string") return new ModelLoadConfig(data, location);
    return new ModelLoadConfig(data, location, { folder: async () => (await loadGiven()).configFolder(source) });
  }

  /** Returns all files that the config names, each with its path in the config: `prior.load_model_from`. */
  files(): readonly NamedFile[] {
    const { pipeline, decoder, prior, clip } = this.data;
    if (pipeline) {
      const { prior: itsPrior } = pipeline;
      return [
        { place: "pipeline", file: pipeline },
        ...(itsPrior ? [{ place: "pipeline.prior", file: itsPrior }] : []),
      ];
    }
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

  /** Tries servers again that could not be reached. Without this call, such a server is tried once, not once for each file. */
  retryHosts(): void {
    this.#hosts.clear();
    this.#folders.clear();
  }

  /**
   * Opens a file that the config names, for reads by range. A file on a server is downloaded first if it was not before. The
   * caller closes it. Rejects with `FileError`.
   */
  openFile(file: FileLocation, options: FileOptions = {}): Promise<ByteSource> {
    return this.#open(file, options);
  }

  /**
   * The folders that a folder of models in the config may be read from, the best first. Undefined if the config names a file
   * there. Rejects with `FileError`.
   *
   * @internal
   */
  async folders(file: FileLocation, options: FileOptions): Promise<readonly FileFolder[] | undefined> {
    const { signal, fetch, patience, onWarning = warnOnConsole } = options;
    const { pipeline } = this.data;
    const isPipeline = file === pipeline || file === pipeline?.prior;
    const given = await this.#given(file);
    if (given) {
      const models = await given.models(file.path, isPipeline);
      return models && [models];
    }
    if (file.load_type === "local") {
      const path = await this.#find(file.path, onWarning);
      const isIndex = isFolderIndex(path);
      if (!isPipeline && !isIndex) return undefined;
      const folder = isIndex ? dirname(path) : path;
      if (isUrl(folder) && keepsRelativeFiles) return remoteFolders(folder, await this.#folderOptions(file, options));
      if (isUrl(folder)) return [plainFolder(folder, { signal, fetch, patience })];
      const found = await localFolder(folder);
      return found && [found];
    }
    if (!isPipeline && !isFolderUrl(file.path)) return undefined;
    return remoteFolders(remotePlace(file.path)!, await this.#folderOptions(file, options));
  }

  async #folderOptions(file: FileLocation, options: FileOptions) {
    const { keepDownloads: keep, onWarning = warnOnConsole } = options;
    const folder = file.load_type === "url" ? await this.#cacheFolder(file) : undefined;
    return { ...options, onWarning, folder, keep, hosts: this.#hosts, memory: this.#folders };
  }

  /** The folder of a file, if a user picked or dropped it. */
  async #given({ load_type, path }: FileLocation): Promise<ConfigFolder | undefined> {
    return load_type === "local" && !isUrl(path) ? this.#folder?.() : undefined;
  }

  async #cacheFolder({ cache_dir: folder }: FileLocation): Promise<string | undefined> {
    // A page cannot write to a folder that was only given to read.
    return folder == null || this.#folder
      ? undefined
      : findCacheFolder(this.#location, folder, this.#name !== undefined);
  }

  async #open(file: FileLocation, options: FileOptions, maxBytes?: number): Promise<ByteSource> {
    const given = await this.#given(file);
    if (given) return given.open(file.path);
    const { signal, fetch, patience, onWarning = warnOnConsole } = options;
    const http = { signal, fetch, patience, maxBytes, headersOnly: options.remote === "ranges" };
    const remote = { ...options, keep: options.keepDownloads, onWarning, hosts: this.#hosts };
    if (file.load_type === "local") {
      const url = await this.#find(file.path, onWarning);
      const isKept = isUrl(url) && keepsRelativeFiles && options.keepDownloads !== false;
      if (!isKept) return openSource(url, http);
      return this.#openRemote({ url, filename: nameInUrl(url), maxBytes }, remote);
    }
    const { path: url, checksum_file_path: checksumUrl } = file;
    const folder = await this.#cacheFolder(file);
    const filename = downloadName(file);
    return this.#openRemote({ url, checksumUrl: checksumUrl ?? undefined, folder, filename, maxBytes }, remote);
  }

  async #openRemote(file: RemoteFile, options: RemoteOptions & Pick<FileOptions, "remote">): Promise<ByteSource> {
    if (options.remote !== "ranges") return openRemote(file, { ...options, early: options.remote === "early" });
    const { signal, fetch, patience } = options;
    return (
      (await openKept(file, options)) ??
      openSource(file.url, { signal, fetch, patience, maxBytes: file.maxBytes, headersOnly: true })
    );
  }

  /** Reads a JSON file that the config names. Rejects with `FileError`, or with `ConfigError` if it is not JSON. */
  async readJson(file: FileLocation, options: FileOptions = {}): Promise<unknown> {
    // What is read of a config before it is verified could not be taken back.
    const remote = options.remote === "early" ? "download" : options.remote;
    const source = await this.#open(file, { ...options, remote }, MAX_BYTES.config);
    return readOpenedJson(source, this.describe(file), options.signal);
  }

  /** Returns the path or URL of a file that the config names, for messages. A URL is without secrets. */
  describe({ load_type, path }: FileLocation): string {
    if (load_type === "url") return publicUrl(path);
    try {
      return this.#atRoot.get(path) ?? publicUrl(resolveBeside(this.#location, path));
    } catch (error) {
      // This config must not name the path, so it does not resolve.
      if (error instanceof FileError) return path;
      throw error;
    }
  }

  async #find(path: string, onWarning: (message: string) => void): Promise<string> {
    const { location, isAtRoot } = await findFile(this.#location, path);
    if (!isAtRoot) return location;
    if (this.#atRoot.size === 0) {
      onWarning(`${path} is not in the folder of ${this.source}, so it is read from ${relativeRoot}.`);
    }
    this.#atRoot.set(path, location);
    return location;
  }
}
