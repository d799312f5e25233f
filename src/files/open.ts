import { dirname, isAbsolute, join, openFile } from "#platform";
import type { ByteSource } from "../platform/source.js";
import { openUrl } from "./http.js";
import type { HttpOptions } from "./request.js";

/** True for what is fetched (`http:`, `https:`) rather than opened from a disk. */
export function isUrl(location: string): boolean {
  return /^https?:\/\//i.test(location);
}

/** Opens a path or an http(s) URL for reads by range; the caller closes it. Rejects with FileError. */
export function openSource(location: string, options: HttpOptions = {}): Promise<ByteSource> {
  return isUrl(location) ? openUrl(location, options) : openFile(location);
}

/** Where `location` lies when the file `base` (path or URL) names it: beside `base`, unless it is absolute or a URL. */
export function resolveBeside(base: string, location: string): string {
  if (isUrl(location)) return location;
  if (isUrl(base)) return new URL(location, base).href;
  return isAbsolute(location) ? location : join(dirname(base), location);
}
