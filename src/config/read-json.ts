import { readText } from "#platform";
import { fetchBytes } from "../files/fetch-bytes.js";
import { isUrl } from "../files/open.js";
import type { HttpOptions } from "../files/request.js";
import * as json from "../platform/json.js";
import { checkSize, MAX_BYTES } from "../platform/limits.js";
import { publicUrl } from "../platform/secrets.js";
import type { ByteSource } from "../platform/source.js";
import { decodeUtf8 } from "../platform/utf8.js";
import { ConfigError } from "./config-error.js";

/**
 * Reads a JSON file from a path or URL. Rejects with `FileError`, also if it has more than `maxBytes`, and with
 * `ConfigError` if it is not JSON or nests too deep.
 */
export async function readJson(
  location: string,
  options: HttpOptions = {},
  maxBytes: number = MAX_BYTES.config,
): Promise<unknown> {
  if (isUrl(location)) return parseJson(await fetchBytes(location, maxBytes, options), location);
  return parse(await readText(location, maxBytes), location);
}

/** Reads JSON from an open file, and closes it. `name` is for messages. Rejects as `readJson`. */
export async function readOpenedJson(source: ByteSource, name: string, signal?: AbortSignal): Promise<unknown> {
  try {
    checkSize(source.name, source.size, MAX_BYTES.config);
    return parseJson(await source.read(0, source.size, signal), name);
  } finally {
    await source.close();
  }
}

/** Parses JSON in UTF-8; `name` is its source. Throws `FileError`, or `ConfigError` if it is not JSON. */
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
