import process from "node:process";
import { checkPixels, undecodable } from "./image-kind.js";
import { ImageEncodeError, ImageLibraryError, MAX_PIXELS, type DecodedImage } from "./image-types.js";
import type { Platform } from "./platform.js";

type Sharp = Awaited<ReturnType<typeof loadSharp>>;

/**
 * Loads the native library on first use, because only callers with image files need it. Rejects with ImageLibraryError if it,
 * or its binary for this system, is not installed.
 */
async function loadSharp() {
  try {
    return (await import("sharp")).default;
  } catch (cause) {
    const system = `${process.platform}-${process.arch}`;
    throw new ImageLibraryError(`the library sharp, which reads and writes images, cannot be loaded on ${system}`, {
      cause,
      advice:
        "install it with its optional dependencies on this system: npm install --include=optional sharp. PNG files are written without it",
    });
  }
}

/**
 * Decodes an image file (PNG, JPEG, WebP …), rotated as its EXIF data says. Decodes only the first image of an animated file.
 * Rejects with ImageDecodeError.
 */
export async function decodeImage(bytes: Uint8Array): Promise<DecodedImage> {
  const sharp = await loadSharp();
  try {
    const image = sharp(bytes, { limitInputPixels: MAX_PIXELS, ignoreIcc: true }).autoOrient();
    const { space, pages = 1 } = await image.metadata();
    const isCmyk = space === "cmyk";
    const pixels = isCmyk
      ? // Without conversion: libvips would convert to sRGB with its own profile.
        image.pipelineColourspace("cmyk").toColourspace("cmyk")
      : image.toColourspace("srgb").ensureAlpha();
    const { data, info } = await pixels.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    const { width, height, channels } = info;
    const rgba = isCmyk ? cmykToRgba(data, channels) : new Uint8Array(data);
    return { width, height, channels: 4, data: rgba, ...(pages > 1 && { frames: pages }) };
  } catch (cause) {
    if (reason(cause).includes("pixel limit")) await checkSize(sharp, bytes);
    throw undecodable(bytes, reason(cause), cause);
  }
}

/** Throws ImageDecodeError with the size of an image that was refused for its size. */
async function checkSize(sharp: Sharp, bytes: Uint8Array): Promise<void> {
  const header = await sharp(bytes, { limitInputPixels: false })
    .metadata()
    .catch(() => undefined);
  if (header) checkPixels(bytes, header.width, header.height);
}

/**
 * Converts CMYK as Pillow's `convert("RGB")` does, without ink profiles: each colour is the part of white that its ink and
 * black leave. A fifth channel, if there is one, is alpha. JPEGs store inverted inks, which libvips has already undone.
 */
function cmykToRgba(data: Uint8Array, channels: number): Uint8Array {
  const count = data.length / channels;
  const rgba = new Uint8Array(count * 4).fill(255);
  for (let pixel = 0; pixel < count; pixel++) {
    const from = pixel * channels;
    const light = 255 - data[from + 3]!;
    for (let c = 0; c < 3; c++) rgba[pixel * 4 + c] = light - scaled(data[from + c]!, light);
    if (channels > 4) rgba[pixel * 4 + 3] = data[from + 4]!;
  }
  return rgba;
}

/** a · b / 255, rounded as in Pillow. */
function scaled(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

export const encodePixels: Platform["encodePixels"] = async ({ data, width, height, channels }, format, quality) => {
  const sharp = await loadSharp();
  const image = sharp(data, { raw: { width, height, channels } });
  // No chroma subsampling: images of the first U-Nets are small, so it would be visible.
  if (format === "jpeg") image.jpeg({ quality, chromaSubsampling: "4:4:4" });
  else image.webp({ quality, lossless: quality === 100 });
  try {
    return new Uint8Array(await image.toBuffer());
  } catch (cause) {
    throw new ImageEncodeError(`the image could not be encoded as ${format}: ${reason(cause)}`, { cause });
  }
};

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
