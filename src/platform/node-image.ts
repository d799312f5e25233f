import { ImageDecodeError, ImageEncodeError, MAX_PIXELS, type DecodedImage } from "./image-types.js";
import type { Platform } from "./platform.js";

/** Loaded where it is used, because only callers with picture files need this native library. */
async function loadSharp() {
  return (await import("sharp")).default;
}

/**
 * The pixels of a picture file (PNG, JPEG, WebP …), turned upright as its EXIF record says; the first picture of an animated
 * file. Rejects with ImageDecodeError.
 */
export async function decodeImage(bytes: Uint8Array): Promise<DecodedImage> {
  const sharp = await loadSharp();
  try {
    const picture = sharp(bytes, { limitInputPixels: MAX_PIXELS, ignoreIcc: true }).autoOrient();
    const raw = picture.toColourspace("srgb").ensureAlpha().raw({ depth: "uchar" });
    const { data, info } = await raw.toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, channels: 4, data: new Uint8Array(data) };
  } catch (cause) {
    throw new ImageDecodeError(`the picture could not be decoded: ${reason(cause)}; give a PNG, JPEG or WebP file`, {
      cause,
    });
  }
}

export const encodePicture: Platform["encodePicture"] = async ({ data, width, height, channels }, format, quality) => {
  const sharp = await loadSharp();
  const picture = sharp(data, { raw: { width, height, channels } });
  // Full colour resolution: pictures from the first U-Nets are small, and halving it shows.
  if (format === "jpeg") picture.jpeg({ quality, chromaSubsampling: "4:4:4" });
  else picture.webp({ quality, lossless: quality === 100 });
  try {
    return new Uint8Array(await picture.toBuffer());
  } catch (cause) {
    throw new ImageEncodeError(`the picture could not be encoded as ${format}: ${reason(cause)}`, { cause });
  }
};

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
