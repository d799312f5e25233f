import { ArgumentError } from "../platform/arguments.js";
import { encodePixels } from "#platform";
import { imageKind } from "../platform/image-kind.js";
import { ImageDecodeError } from "../platform/image-types.js";
import { removeAlpha, type Image } from "./image.js";
import { isPng } from "./png-chunks.js";
import { readPngText, type ImageText } from "./png-text.js";
import { encodePng } from "./png.js";
import { addXmpToJpeg, addXmpToWebp, readXmp, xmpPacket } from "./xmp.js";

/** A format of image files that can be written. */
export type ImageFormat = "png" | "jpeg" | "webp";

/** How an image file is written. */
export interface EncodeOptions {
  /** Default "png". */
  readonly format?: ImageFormat | undefined;
  /** Of JPEG and WebP, from 1 to 100; WebP of 100 is lossless. Default 90. */
  readonly quality?: number | undefined;
  /** Texts by keyword, which every format carries: PNG as iTXt, JPEG and WebP as XMP. */
  readonly text?: ImageText | undefined;
}

/**
 * An image file. JPEG drops the alpha channel. Rejects with ArgumentError for a quality or keyword that the format does not
 * allow, and with ImageEncodeError where a browser lacks the encoder.
 *
 * @example
 * await writeFile("image.png", await encodeImage(image));
 */
export async function encodeImage(image: Image, options: EncodeOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const { format = "png", quality = 90, text = {} } = options;
  if (format === "png") return encodePng(image, { text });
  if (!Number.isInteger(quality) || quality < 1 || quality > 100)
    throw new ArgumentError("quality", `quality must be a whole number from 1 to 100, not ${quality}.`);
  const file = await encodePixels(format === "jpeg" ? removeAlpha(image) : image, format, quality);
  if (Object.keys(text).length === 0) return file;
  const packet = xmpPacket(text);
  return format === "jpeg" ? addXmpToJpeg(file, packet) : addXmpToWebp(file, packet, image);
}

/**
 * The texts that `encodeImage` put into a file of any of its formats, and of a PNG also those of other programs. Rejects
 * with ImageDecodeError for a damaged PNG, and for bytes that are no image in a known format.
 */
export async function readImageText(bytes: Uint8Array): Promise<ReadonlyMap<string, string>> {
  if (isPng(bytes)) return readPngText(bytes);
  if (isJpeg(bytes) || isWebp(bytes)) return readXmp(bytes);
  const kind = bytes.length === 0 ? "empty" : imageKind(bytes);
  throw new ImageDecodeError(`this is no PNG, JPEG or WebP file${kind === undefined ? "" : `; it is ${kind}`}`);
}

function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

function isWebp(bytes: Uint8Array): boolean {
  const letters = String.fromCharCode(...bytes.subarray(0, 12));
  return letters.startsWith("RIFF") && letters.endsWith("WEBP");
}
