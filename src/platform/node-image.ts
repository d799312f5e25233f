import process from "node:process";
import { checkPixels, undecodable } from "./image-kind.js";
import { ImageEncodeError, ImageLibraryError, MAX_PIXELS, type DecodedImage } from "./image-types.js";
import type { Platform } from "./platform.js";

type Sharp = Awaited<ReturnType<typeof loadSharp>>;

/**
 * Loaded where it is used, because only callers with image files need this native library. Rejects with ImageLibraryError
 * where it, or the part of it for this system, is not installed.
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
 * The pixels of an image file (PNG, JPEG, WebP …), turned upright as its EXIF record says; the first image of an animated
 * file. Rejects with ImageDecodeError.
 */
export async function decodeImage(bytes: Uint8Array): Promise<DecodedImage> {
  const sharp = await loadSharp();
  try {
    const image = sharp(bytes, { limitInputPixels: MAX_PIXELS, ignoreIcc: true }).autoOrient();
    const { space, pages = 1 } = await image.metadata();
    const isCmyk = space === "cmyk";
    const pixels = isCmyk
      ? // As they are: to sRGB libvips would go by a profile of its own.
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

/** Says what size an image has that was refused for it. */
async function checkSize(sharp: Sharp, bytes: Uint8Array): Promise<void> {
  const header = await sharp(bytes, { limitInputPixels: false })
    .metadata()
    .catch(() => undefined);
  if (header) checkPixels(bytes, header.width, header.height);
}

/**
 * Pillow's `convert("RGB")` of CMYK, which knows no profile of inks: each colour is what its ink and black leave of white.
 * Opaque, where a fifth channel does not say otherwise. JPEGs store inks as their opposites, which libvips turns round.
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

/** a · b / 255, rounded as Pillow does. */
function scaled(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

export const encodePixels: Platform["encodePixels"] = async ({ data, width, height, channels }, format, quality) => {
  const sharp = await loadSharp();
  const image = sharp(data, { raw: { width, height, channels } });
  // Full colour resolution: images from the first U-Nets are small, and halving it shows.
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
