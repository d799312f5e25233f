import { ImageDecodeError, MAX_PIXELS } from "./image-decode.js";
import type { Platform } from "./platform.js";

export const decodeImage: Platform["decodeImage"] = async (bytes) => {
  // Loaded here because only callers with picture files need this native library.
  const { default: sharp } = await import("sharp");
  try {
    const picture = sharp(bytes, { limitInputPixels: MAX_PIXELS, ignoreIcc: true }).autoOrient();
    const raw = picture.toColourspace("srgb").ensureAlpha().raw({ depth: "uchar" });
    const { data, info } = await raw.toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, channels: 4, data: new Uint8Array(data) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ImageDecodeError(`the picture could not be decoded: ${reason}; give a PNG, JPEG or WebP file`, { cause });
  }
};
