// Finished images in the size and the format that a request asks for.
import { decodeImage } from "../../../image/decode.js";
import { encodeImage, readImageText, type ImageFormat } from "../../../image/encode.js";
import { cropCentre, removeAlpha, type RgbImage } from "../../../image/image.js";
import { resizeLanczos } from "../../../image/pillow-resize.js";
import type { ImageText } from "../../../image/png-text.js";
import type { ImageSize } from "../../../pipeline/canvas-options.js";
import type { FinishedImage } from "../../jobs/job.js";
import { ServerError } from "../../server-error.js";
import type { ImageBody } from "./schemas.js";
import { readSize } from "./size.js";

/** What a request says of the images in its answer. */
export interface Output {
  readonly format: ImageFormat;
  /** Of `jpeg` and `webp`, 1 to 100. */
  readonly quality: number;
  /** Undefined: the model's own. */
  readonly size: ImageSize | undefined;
  readonly wantsBase64: boolean;
  readonly wantsUrl: boolean;
}

/** An image file for an answer. */
export interface OutputFile extends ImageSize {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The size that it was resampled from, if it was. */
  readonly resampledFrom: ImageSize | undefined;
}

/** Reads what a request says of its answer. Throws `ServerError` for what this server does not have. */
export function outputOf(body: ImageBody, maxPixels: number): Output {
  const { output_format: format = "png", output_compression: compression, response_format: response } = body;
  if (body.background === "transparent") {
    throw refused("background", "Images are opaque: background must be auto or opaque.");
  }
  if ((format ?? "png") === "png" && (compression ?? 100) !== 100) {
    throw refused("output_compression", "png is lossless: output_compression is for jpeg and webp.");
  }
  if (body.stream && response === "url") {
    throw refused("response_format", "Events of a stream hold the images: response_format must be b64_json.");
  }
  return {
    format: format ?? "png",
    quality: Math.max(1, compression ?? 100),
    size: readSize(body.size, maxPixels),
    wantsBase64: response !== "url",
    wantsUrl: response !== "b64_json" && !body.stream,
  };
}

function refused(param: string, message: string): ServerError {
  return new ServerError("bad-request", message, { param });
}

/** Writes a finished image as asked for. Its record stays with it. */
export async function outputFile(image: FinishedImage, output: Output): Promise<OutputFile> {
  const { png, width, height } = image;
  const { size = { width, height }, format } = output;
  const isNative = size.width === width && size.height === height;
  if (isNative && format === "png") return { bytes: png, width, height, resampledFrom: undefined };
  const text = Object.fromEntries(await readImageText(png));
  const bytes = await encoded(removeAlpha(await decodeImage(png)), size, output, text);
  return { bytes, ...size, resampledFrom: isNative ? undefined : { width, height } };
}

/** Writes a preview in the size of the finished image. */
export function previewFile(preview: RgbImage, size: ImageSize, output: Output): Promise<Uint8Array<ArrayBuffer>> {
  return encoded(preview, size, output, {});
}

function encoded(
  image: RgbImage,
  size: ImageSize,
  { format, quality }: Output,
  text: ImageText,
): Promise<Uint8Array<ArrayBuffer>> {
  return encodeImage(resample(image, size), { format, quality, text });
}

/** Cuts the middle out of an image, to the aspect ratio of a size, and resizes it with Pillow's LANCZOS. */
export function resample(image: RgbImage, { width, height }: ImageSize): RgbImage {
  const wide = Math.max(1, Math.min(image.width, Math.round((image.height * width) / height)));
  const high = Math.max(1, Math.min(image.height, Math.round((image.width * height) / width)));
  const cut = wide === image.width && high === image.height ? image : cropCentre(image, wide, high);
  return resizeLanczos(cut, width, height);
}

/** A file in base64, as JSON holds it. */
export function base64({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}
