// Load configs among files that a user of a page picked or dropped.
import { FOLDER_INDEX, withoutIndex, type FileFolder } from "../files/folder/file-folder.js";
import {
  givenFolder,
  isGivenFile,
  isGivenPath,
  namesIn,
  nameOf,
  type GivenFile,
  type GivenFiles,
  type GivenFolder,
  type GivenPath,
} from "../files/folder/given-folder.js";
import { FileError } from "../platform/errors.js";
import type { ByteSource } from "../platform/source.js";
import { ConfigError } from "./config-error.js";
import { hasModels } from "./not-a-load-config.js";
import { readOpenedJson } from "./read-json.js";

/** The files that a load config names, as a folder that a user gave has them. */
export class ConfigFolder {
  constructor(
    private readonly files: GivenFiles,
    /** Path of the config in the folder; empty if it is no file there. */
    private readonly config: string,
  ) {}

  /** Opens a file by its path from the config. Rejects with `FileError`. */
  async open(path: string): Promise<ByteSource> {
    return this.files.open(this.files.resolve(this.config, path));
  }

  /** A folder of models by its path, or by that of its index. Undefined if it has no index, unless it `mustBe` one. */
  async models(path: string, mustBe: boolean): Promise<FileFolder | undefined> {
    const found = this.files.resolve(this.config, path);
    const folder = this.files.folder(withoutIndex(found));
    return mustBe || (await folder.has(FOLDER_INDEX)) ? folder : undefined;
  }
}

/** The files of a load config that is no file itself: its paths start at the folder. */
export function configFolder(folder: GivenFolder): ConfigFolder {
  return new ConfigFolder(givenFolder(folder), "");
}

/** A load config that is no path and no URL. */
export interface GivenConfig {
  /** Its content. */
  readonly value: unknown;
  /** Its name, for messages. */
  readonly name: string;
  /** Its path, for messages: those of its files are relative to it. */
  readonly location: string;
  readonly folder: ConfigFolder;
}

/**
 * Reads a load config: a file, a file in a folder, or the only one in a folder; or makes one of a folder of models. Rejects with
 * `FileError` or `ConfigError`, also if a folder has several.
 */
export async function openGivenConfig(
  given: GivenFile | GivenFolder | GivenPath,
  signal?: AbortSignal,
): Promise<GivenConfig> {
  if (isGivenFile(given)) return readConfig(givenFolder(new Map([[nameOf(given), given]])), nameOf(given), signal);
  const files = givenFolder(isGivenPath(given) ? given.folder : given);
  const path = isGivenPath(given) ? files.resolve("", given.path) : "";
  const models = files.folder(withoutIndex(path));
  if (await models.has(FOLDER_INDEX)) {
    const value = { pipeline: { load_type: "local", path: "." } };
    return { value, name: models.name, location: models.describe(FOLDER_INDEX), folder: new ConfigFolder(models, "") };
  }
  const only =
    path === "" ? await onlyConfig(files, await namesIn(isGivenPath(given) ? given.folder : given), signal) : path;
  return readConfig(files, only, signal);
}

async function readConfig(files: GivenFiles, path: string, signal?: AbortSignal): Promise<GivenConfig> {
  const name = files.describe(path);
  const value = await readOpenedJson(await files.open(path), name, signal);
  return { value, name, location: name, folder: new ConfigFolder(files, path) };
}

/** The only load config in a folder, by name. */
async function onlyConfig(files: GivenFiles, names: readonly string[], signal?: AbortSignal): Promise<string> {
  const all = names.filter((name) => /\.json$/i.test(name));
  // The reason why the only one is not valid says more than that there is none.
  if (all.length === 1) return all[0]!;
  const configs: string[] = [];
  for (const name of all) if (await isConfig(files, name, signal)) configs.push(name);
  if (configs.length === 1) return configs[0]!;
  if (configs.length === 0) {
    throw new FileError(files.name, `has no load config and no ${FOLDER_INDEX}`, {
      code: "file/not-found",
      advice: "give the folder that has one of them in itself, not in a folder of it",
    });
  }
  throw new ConfigError(`${files.name} has several load configs: ${configs.sort().join(", ")}`, {
    advice: `choose one: { folder, path: ${JSON.stringify(configs[0])} }`,
  });
}

async function isConfig(files: GivenFiles, name: string, signal?: AbortSignal): Promise<boolean> {
  try {
    return hasModels(await readOpenedJson(await files.open(name), name, signal));
  } catch (error) {
    // Other files may lie in the folder, of any size.
    if (error instanceof FileError || error instanceof ConfigError) return false;
    throw error;
  }
}
