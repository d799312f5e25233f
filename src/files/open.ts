import { dirname, isAbsolute, join, openFile } from "#platform";
import { FileError } from "../platform/errors.js";
import type { ByteSource } from "../platform/source.js";
import { loadPart } from "../platform/load-part.js";
import type { GivenFile, GivenPath } from "./folder/given-folder.js";
import { openUrl, type OpenUrlOptions } from "./http.js";

/** True for URLs that are fetched (`http:`, `https:`). */
export function isUrl(location: string): boolean {
  return /^https?:\/\//i.test(location);
}

/**
 * Opens a path, an http(s) URL, or a file that a user picked or dropped, for random access: a file itself, or one by its path in a
 * folder, which the shards of a checkpoint are then found in. The caller closes it. Rejects with FileError.
 *
 * @example
 * input.onchange = async () => console.log(await openCheckpoint(await openSource(input.files[0])));
 */
export async function openSource(
  location: string | GivenFile | GivenPath,
  options: OpenUrlOptions = {},
): Promise<ByteSource> {
  if (typeof location === "string") return isUrl(location) ? openUrl(location, options) : openFile(location);
  const { openGiven } = await loadPart("the reader of given files", () => import("./folder/given-folder.js"));
  return openGiven(location);
}

/** Opens a file by its name, relative to another open file. Rejects with FileError. */
export async function openBeside(source: ByteSource, name: string, options: OpenUrlOptions = {}): Promise<ByteSource> {
  if (source.openBeside) return source.openBeside(name);
  const base = "address" in source && typeof source.address === "string" ? source.address : source.name;
  return openSource(resolveBeside(base, name), options);
}

/**
 * Resolves `location` as named by the file `base` (path or URL): beside `base`, unless it is absolute or a URL. A file on a
 * server can name only files on that server: throws FileError for a location on this machine or on another server.
 */
export function resolveBeside(base: string, location: string): string {
  if (isUrl(base)) return onServer(base, location);
  if (isUrl(location)) return location;
  return isAbsolute(location) ? location : join(dirname(base), location);
}

/** The base is the requested URL, even if the server redirected it: files are published side by side. */
function onServer(base: string, location: string): string {
  // In a relative URL, a backslash counts as a slash, and servers do not see what follows "#".
  const relative = location.replaceAll("#", "%23");
  const isPath = !/^[\\/]|\\/.test(location) && URL.canParse(relative, base);
  const url = isPath ? new URL(relative, base) : undefined;
  // A URL with another scheme, such as blob:, may have the same origin.
  if (url && isUrl(url.href) && url.origin === new URL(base).origin) return url.href;
  const problem = `is named by ${base}, but a file on a server can name only files on that server`;
  throw new FileError(location, problem, { advice: "give a relative path, with slashes between folders" });
}
