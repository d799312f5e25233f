import {
  cloneableFolder,
  isGivenFile,
  isGivenPath,
  type GivenFile,
  type GivenFolder,
  type GivenPath,
} from "../files/folder/given-folder.js";
import type { ConfigLocation } from "../pipeline/load-config.js";

/**
 * A load config for a worker: its name, path, URL or hub id, or a file or folder that the user picked or dropped, as for
 * `ModelLoadConfig.open`; or its content, as for `ModelLoadConfig.parse`.
 */
export type RemoteConfig = ConfigLocation | RemoteConfigContent;

/** The content of a load config for a worker. */
export interface RemoteConfigContent {
  /** What the JSON of a load config has. */
  readonly data: unknown;
  /**
   * What its relative paths start from: the folder of a path or URL, or a folder that the user picked or dropped. Default: the
   * root of the origin private file system.
   */
  readonly source?: string | GivenFolder | undefined;
}

/** Tells the content of a load config from where it is. */
export function isContent(config: RemoteConfig): config is RemoteConfigContent {
  return typeof config !== "string" && "data" in config;
}

/** The same load config as a value that any browser can pass to a worker. */
export function sentConfig(config: RemoteConfig): RemoteConfig {
  if (typeof config === "string") return config;
  if (!isContent(config))
    return isGivenFile(config) || isGivenPath(config) ? sentFile(config) : cloneableFolder(config);
  const { data, source } = config;
  return { data, source: typeof source === "object" ? cloneableFolder(source) : source };
}

/** The same file or path in a folder as a value that any browser can pass to a worker. */
export function sentFile<File extends string | GivenFile | GivenPath>(file: File): File | GivenPath {
  if (typeof file === "string" || isGivenFile(file)) return file;
  return { folder: cloneableFolder(file.folder), path: file.path };
}
