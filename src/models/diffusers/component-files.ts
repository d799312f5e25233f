// The small files of a component in a model folder of diffusers: configs and the files of a tokenizer.
import { ConfigError } from "../../config/config-error.js";
import { parseJson } from "../../config/read-json.js";
import type { FileFolder } from "../../files/folder/file-folder.js";
import { isRecord } from "../../platform/objects.js";
import { checkSize, MAX_BYTES } from "../../platform/limits.js";
import { decodeUtf8 } from "../../platform/utf8.js";

/** The config of a component, and its file. */
export interface ComponentConfig {
  readonly value: Readonly<Record<string, unknown>>;
  /** Path or URL of the file, for messages. */
  readonly name: string;
}

/**
 * Reads the config of a component: `config.json`, `scheduler_config.json`, `preprocessor_config.json`. Rejects with `FileError`
 * if there is no such file, and with `ConfigError` if it is not a JSON object.
 */
export async function componentConfig(
  folder: FileFolder,
  component: string,
  file = "config.json",
): Promise<ComponentConfig> {
  const { bytes, name } = await componentBytes(folder, component, file);
  const value = parseJson(bytes, name);
  if (!isRecord(value)) throw new ConfigError(`${name} is not a config: expected a JSON object`);
  return { value, name };
}

/** Reads a text file of a component, such as `vocab.json` or `merges.txt`. Rejects with `FileError`. */
export async function componentText(folder: FileFolder, component: string, file: string): Promise<string> {
  const { bytes, name } = await componentBytes(folder, component, file);
  return decodeUtf8(bytes, name);
}

/** Reads a small file of a component. Rejects with `FileError`. */
export async function componentBytes(
  folder: FileFolder,
  component: string,
  file: string,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly name: string }> {
  const source = await folder.open(`${component}/${file}`);
  try {
    checkSize(source.name, source.size, MAX_BYTES.config);
    return { bytes: await source.read(0, source.size), name: source.name };
  } finally {
    await source.close();
  }
}
