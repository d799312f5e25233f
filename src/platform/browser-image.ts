import { checkPixels, undecodable } from "./image-kind.js";
import { ImageDecodeError, ImageEncodeError } from "./image-types.js";
import type { Platform } from "./platform.js";

/**
 * Decodes with the browser's own decoders. A canvas premultiplies colours by alpha, so transparent colours are rounded.
 * Chromium ignores the orientation of WebP files.
 */
export const decodeImage: Platform["decodeImage"] = async (bytes) => {
  const blob = new Blob([new Uint8Array(bytes)]);
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" }).catch((cause: unknown) => {
    // A browser does not say why, and does not read all formats that Node does.
    throw undecodable(bytes, "", cause);
  });
  try {
    const { width, height } = bitmap;
    checkPixels(bytes, width, height);
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    if (context === null) throw new ImageDecodeError("this browser has no 2D canvas, which is needed to decode images");
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return { width, height, channels: 4, data: new Uint8Array(data) };
  } finally {
    bitmap.close();
  }
};

/** Encodes with the browser's own encoders. */
export const encodePixels: Platform["encodePixels"] = async ({ width, height, channels, data }, format, quality) => {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (context === null) throw new ImageEncodeError("this browser has no 2D canvas, which is needed to encode images");
  const pixels = context.createImageData(width, height);
  if (channels === 4) pixels.data.set(data);
  else pixels.data.forEach((_, i, all) => (all[i] = i % 4 === 3 ? 255 : data[(i >> 2) * 3 + (i % 4)]!));
  context.putImageData(pixels, 0, 0);
  const type = `image/${format}`;
  const blob = await canvas.convertToBlob({ type, quality: quality / 100 });
  // A browser without the encoder returns a PNG instead of an error.
  if (blob.type !== type)
    throw new ImageEncodeError(`this browser cannot encode images as ${format}`, { advice: "use png or jpeg" });
  return new Uint8Array(await blob.arrayBuffer());
};
