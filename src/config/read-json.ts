import { readText } from "#platform";
import { ConfigError } from "./config-error.js";

/** The content of a JSON file. Rejects with `FileError`, or `ConfigError` where it is not JSON. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new ConfigError(`${path} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}
