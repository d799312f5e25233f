import { ServerError } from "../server-error.js";
import { readImageHeader } from "./image-size.js";

/** Throws `ServerError` unless a file is a PNG, JPEG or WebP image with at most so many pixels, as its header says. */
export function checkImage(bytes: Uint8Array, param: string, maxPixels: number): void {
  const header = readImageHeader(bytes);
  if (!header) throw new ServerError("bad-request", `${param} is not a PNG, JPEG or WebP image`, { param });
  const { kind, width, height } = header;
  if (width * height <= maxPixels) return;
  throw new ServerError(
    "too-large",
    `${param} is a ${kind} image of ${width} × ${height} pixels; the maximum is ${maxPixels} pixels: resize it`,
    { param },
  );
}
