import * as platform from "#platform";
import type { DecodedImage } from "../platform/image-types.js";

/**
 * Decodes an image file (PNG, JPEG, WebP) and rotates it upright by its EXIF data. Decodes the first image of an animation.
 * Rejects with `ImageDecodeError`.
 *
 * @example
 * const image = removeAlpha(await decodeImage(await readFile("photo.jpg")));
 */
export function decodeImage(bytes: Uint8Array): Promise<DecodedImage> {
  return platform.decodeImage(bytes);
}
