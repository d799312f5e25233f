import { readText } from "#platform";
import { statusError } from "../files/http-error.js";
import { isUrl } from "../files/open.js";
import { request, type HttpOptions } from "../files/request.js";
import { decodeUtf8 } from "../platform/utf8.js";
import { ConfigError } from "./config-error.js";

/** The content of a JSON file, given by path or URL. Rejects with `FileError`, or `ConfigError` where it is not JSON. */
export async function readJson(location: string, options: HttpOptions = {}): Promise<unknown> {
  return parse(isUrl(location) ? await fetchText(location, options) : await readText(location), location);
}

/** The value of JSON in UTF-8; `name` is where it came from. Throws `FileError`, or `ConfigError` where it is not JSON. */
export function parseJson(bytes: Uint8Array, name: string): unknown {
  return parse(decodeUtf8(bytes, name), name);
}

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new ConfigError(`${name} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function fetchText(url: string, options: HttpOptions): Promise<string> {
  const response = await request(url, options);
  if (!response.ok) throw statusError(url, response);
  return decodeUtf8(new Uint8Array(await response.arrayBuffer()), url);
}
