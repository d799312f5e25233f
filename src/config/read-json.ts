import { readText } from "#platform";
import type { HttpOptions } from "../files/http.js";
import { isUrl } from "../files/open.js";
import { FileError } from "../platform/errors.js";
import { ConfigError } from "./config-error.js";

/** The content of a JSON file, given by path or URL. Rejects with `FileError`, or `ConfigError` where it is not JSON. */
export async function readJson(location: string, options: HttpOptions = {}): Promise<unknown> {
  return parse(isUrl(location) ? await fetchText(location, options) : await readText(location), location);
}

/** The value of JSON in UTF-8; `name` is where it came from. Throws `FileError`, or `ConfigError` where it is not JSON. */
export function parseJson(bytes: Uint8Array, name: string): unknown {
  return parse(decode(bytes, name), name);
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
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

async function fetchText(url: string, { fetch: fetcher = fetch, signal }: HttpOptions): Promise<string> {
  try {
    const response = await fetcher(url, signal ? { signal } : {});
    if (!response.ok) throw new FileError(url, `HTTP status ${response.status}`);
    return decode(new Uint8Array(await response.arrayBuffer()), url);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof FileError) throw cause;
    throw new FileError(url, "could not be fetched", { cause });
  }
}
