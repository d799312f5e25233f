/** Resolves the relative paths of a load config. */
import { dirname, folderExists, isAbsolute, join, otherFilesAdvice, relativeRoot, statFile } from "#platform";
import { FOLDER_INDEX } from "../files/folder/file-folder.js";
import { isUrl, resolveBeside } from "../files/open.js";
import { FileError } from "../platform/errors.js";

/** The location of a file that a config names. */
export interface FoundFile {
  /** Path or URL. */
  readonly location: string;
  /** True if it was found only at `relativeRoot`: in the working directory, where dalle2-laion looks. */
  readonly isAtRoot: boolean;
}

/**
 * Finds a local file, or the index of a local model folder, that the load config `config` (path or URL) names: in the
 * config's folder, else at `relativeRoot`. A config from a URL names files on its server, never on this disk. Rejects
 * with `FileError`, which names both places.
 */
export async function findFile(config: string, path: string): Promise<FoundFile> {
  const beside = resolveBeside(config, path);
  if (isUrl(config) || isUrl(beside)) return { location: beside, isAtRoot: false };
  if (isAbsolute(path) || (await statFile(beside))) {
    return { location: await indexIfFolder(beside), isAtRoot: false };
  }
  if (await statFile(path)) return { location: await indexIfFolder(path), isAtRoot: true };
  const folder = dirname(config);
  const places = folder === "." ? relativeRoot : `the folder of ${config} (${folder}) or in ${relativeRoot}`;
  throw new FileError(path, `there is no such file in ${places}`, { code: "file/not-found", advice: otherFilesAdvice });
}

async function indexIfFolder(path: string): Promise<string> {
  return (await folderExists(path)) ? join(path, FOLDER_INDEX) : path;
}

/**
 * The folder of a `cache_dir` in the load config `config`: at `relativeRoot` if it exists there, else beside the
 * config. Undefined if the config is from a URL: a server must not choose where files are written here.
 * Undefined also beside a config in this package, whose folder an update removes.
 */
export async function findCacheFolder(
  config: string,
  cacheDir: string,
  cameWithPackage: boolean,
): Promise<string | undefined> {
  if (isUrl(config)) return undefined;
  if (isAbsolute(cacheDir) || (await folderExists(cacheDir))) return cacheDir;
  return cameWithPackage ? undefined : join(dirname(config), cacheDir);
}
