import { readText } from "#platform";
import { fetchBytes } from "../files/fetch-bytes.js";
import { isUrl } from "../files/open.js";
import type { HttpOptions } from "../files/request.js";
import * as json from "../platform/json.js";
import { MAX_BYTES } from "../platform/limits.js";
import { publicUrl } from "../platform/secrets.js";
import { decodeUtf8 } from "../platform/utf8.js";
import { ConfigError } from "./config-error.js";

/**
 * The content of a JSON file, given by path or URL. Rejects with `FileError`, also where it has more than `maxBytes`, and with
 * `ConfigError` where it is not JSON, or nests too deep.
 */
export async function readJson(
  location: string,
  options: HttpOptions = {},
  maxBytes: number = MAX_BYTES.config,
): Promise<unknown> {
  if (isUrl(location)) return parseJson(await fetchBytes(location, maxBytes, options), location);
  return parse(await readText(location, maxBytes), location);
}

/** The value of JSON in UTF-8; `name` is where it came from. Throws `FileError`, or `ConfigError` where it is not JSON. */
export function parseJson(bytes: Uint8Array, name: string): unknown {
  return parse(decodeUtf8(bytes, name), name);
}

function parse(text: string, name: string): unknown {
  try {
    return json.parseJson(text);
  } catch (error) {
    if (error instanceof json.JsonError) throw new ConfigError(`${publicUrl(name)} ${error.message}`);
    throw error;
  }
}
