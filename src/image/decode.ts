import * as platform from "#platform";
import type { DecodedImage } from "../platform/image-types.js";

/**
 * The pixels of an image file (PNG, JPEG, WebP), turned upright as its EXIF record says; the first image of an animated file.
 * Rejects with `ImageDecodeError`.
 *
 * @example
 * const image = removeAlpha(await decodeImage(await readFile("photo.jpg")));
 */
export function decodeImage(bytes: Uint8Array): Promise<DecodedImage> {
  return platform.decodeImage(bytes);
}
