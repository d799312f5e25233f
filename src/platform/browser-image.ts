import { ImageDecodeError, MAX_PIXELS } from "./image-decode.js";
import type { Platform } from "./platform.js";

/** Decodes with the browser's own decoders. A canvas keeps colours premultiplied, so transparent ones come back rounded. */
export const decodeImage: Platform["decodeImage"] = async (bytes) => {
  const blob = new Blob([new Uint8Array(bytes)]);
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" }).catch((cause: unknown) => {
    throw new ImageDecodeError("the picture could not be decoded; give a PNG, JPEG or WebP file", { cause });
  });
  try {
    const { width, height } = bitmap;
    if (width * height > MAX_PIXELS) {
      throw new ImageDecodeError(`the picture has ${width} × ${height} pixels; at most ${MAX_PIXELS} can be read`);
    }
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    if (context === null) throw new ImageDecodeError("this browser gives no 2D canvas to decode pictures with");
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return { width, height, channels: 4, data: new Uint8Array(data) };
  } finally {
    bitmap.close();
  }
};
