import { readText } from "#platform";
import { FileError } from "../platform/errors.js";
import { ConfigError } from "./config-error.js";

/** The content of a JSON file. Rejects with `FileError`, or `ConfigError` where it is not JSON. */
export async function readJson(path: string): Promise<unknown> {
  return parse(await readText(path), path);
}

/** The value of JSON in UTF-8; `name` is where it came from. Throws `FileError`, or `ConfigError` where it is not JSON. */
export function parseJson(bytes: Uint8Array, name: string): unknown {
  try {
    return parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes), name);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new FileError(name, "is not UTF-8 text", { cause });
  }
}

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new ConfigError(`${name} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}
