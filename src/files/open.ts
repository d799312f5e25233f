import { dirname, isAbsolute, join, openFile } from "#platform";
import { FileError } from "../platform/errors.js";
import type { ByteSource } from "../platform/source.js";
import { HttpSource, openUrl } from "./http.js";
import type { HttpOptions } from "./request.js";

/** True for what is fetched (`http:`, `https:`) rather than opened from a disk. */
export function isUrl(location: string): boolean {
  return /^https?:\/\//i.test(location);
}

/** Opens a path or an http(s) URL for reads by range; the caller closes it. Rejects with FileError. */
export function openSource(location: string, options: HttpOptions = {}): Promise<ByteSource> {
  return isUrl(location) ? openUrl(location, options) : openFile(location);
}

/** Opens a file by its name beside one that is open. Rejects with FileError. */
export async function openBeside(source: ByteSource, name: string, options: HttpOptions = {}): Promise<ByteSource> {
  const base = source instanceof HttpSource ? source.address() : source.name;
  return openSource(resolveBeside(base, name), options);
}

/**
 * Where `location` lies when the file `base` (path or URL) names it: beside `base`, unless it is absolute or a URL. What a
 * file on a server names lies on that server: throws FileError for all that would lead to this machine, or to another one.
 */
export function resolveBeside(base: string, location: string): string {
  if (isUrl(base)) return onServer(base, location);
  if (isUrl(location)) return location;
  return isAbsolute(location) ? location : join(dirname(base), location);
}

/** The base is the address that was asked for, also where the server sent on to another: files are published side by side. */
function onServer(base: string, location: string): string {
  // In a relative address, a backslash counts as a slash, and "#" begins what no server is told.
  const relative = location.replaceAll("#", "%23");
  const isPath = !/^[\\/]|\\/.test(location) && URL.canParse(relative, base);
  const url = isPath ? new URL(relative, base) : undefined;
  // An address of another scheme, such as blob:, may share the origin.
  if (url && isUrl(url.href) && url.origin === new URL(base).origin) return url.href;
  const problem = `is named by ${base}, and a file on a server can name only files beside it`;
  throw new FileError(location, problem, { advice: "give a relative path, with slashes between folders" });
}
