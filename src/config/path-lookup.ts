/** Where the relative paths of a load config lead. */
import { dirname, folderExists, isAbsolute, join, statFile } from "#platform";
import { isUrl, resolveBeside } from "../files/open.js";
import { FileError } from "../platform/errors.js";

/** A file that a config names, found. */
export interface FoundFile {
  /** Path or URL. */
  readonly location: string;
  /** True where it was found from the working directory only, in which dalle2-laion looks. */
  readonly inWorkingDirectory: boolean;
}

/** What a folder of models is opened by. */
const FOLDER_INDEX = "model_index.json";

/**
 * Finds a local file, or the index of a local folder of models, that the load config `config` (path or URL) names: in the config's folder, else in the working
 * directory. A config from a URL names files on its server, and the disk is not looked at. Rejects with `FileError`, which
 * names both places.
 */
export async function findFile(config: string, path: string): Promise<FoundFile> {
  const beside = resolveBeside(config, path);
  if (!isUrl(beside) && (await folderExists(beside))) {
    return { location: join(beside, FOLDER_INDEX), inWorkingDirectory: false };
  }
  if (isUrl(config) || isUrl(beside) || isAbsolute(path) || (await statFile(beside))) {
    return { location: beside, inWorkingDirectory: false };
  }
  if (await statFile(path)) return { location: path, inWorkingDirectory: true };
  throw new FileError(
    path,
    `there is no such file, neither in the folder of ${config} (${dirname(config)}) nor in the working directory`,
    { code: "file/not-found" },
  );
}

/**
 * The folder that a `cache_dir` in the load config `config` means: that of the working directory if it is there, else the
 * one beside the config. Undefined where the config was read from a URL: whoever serves it does not choose where files
 * are written here; nor beside a config that came with this package, whose folder an update removes.
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
