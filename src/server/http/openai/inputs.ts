// The files of a request as the images and the mask of a job.
import { decodeImage } from "../../../image/decode.js";
import { removeAlpha, type RgbaImage, type RgbImage } from "../../../image/image.js";
import { describeUniform } from "../../../image/mask.js";
import { readImageRecord } from "../../../pipeline/records/image-record.js";
import { Dalle2Error } from "../../../platform/dalle2-error.js";
import type { Guard } from "../../guard/types.js";
import { readImageHeader } from "../../guard/image-size.js";
import type { ServedModelInfo } from "../../jobs/job-runner.js";
import { ServerError } from "../../server-error.js";

/** An image of a request, and its mask, if it is one for inpainting. */
export interface InputImage {
  readonly image: RgbImage;
  /** As `ImageRequest.mask`; undefined if nothing is transparent. */
  readonly mask: Uint8Array | undefined;
}

/** Pixels above this alpha are kept, as in `maskFromImage`. */
const THRESHOLD = 128;

/** Whether the model of a request inpaints images of any proportions. */
export type TakesProportions = () => Promise<boolean>;

type Bytes = Uint8Array<ArrayBuffer>;

/** The image files of a request. */
export interface UploadedFiles {
  readonly image?: Bytes | undefined;
  readonly mask?: Bytes | undefined;
  readonly hint?: Bytes | undefined;
}

/** Names of parameters that are files, where a route calls them otherwise. */
export type FileNames = Partial<Readonly<Record<keyof UploadedFiles, string>>>;

/** Checks image files before they are decoded, and returns how many pixels they have. Throws `ServerError`. */
export function checkFiles(guard: Guard, files: UploadedFiles, names: FileNames = {}): number {
  let pixels = 0;
  for (const [name, bytes] of Object.entries(files) as [keyof UploadedFiles, Bytes | undefined][]) {
    if (!bytes) continue;
    guard.checkImage(bytes, names[name] ?? name);
    const { width = 0, height = 0 } = readImageHeader(bytes) ?? {};
    pixels += width * height;
  }
  return pixels;
}

/** Decodes an image file that `checkFiles` let through. Rejects with `ServerError` that names the parameter. */
export async function readImage(bytes: Bytes, param: string): Promise<RgbaImage> {
  try {
    return await decodeImage(bytes);
  } catch (cause) {
    if (!(cause instanceof Dalle2Error)) throw cause;
    throw new ServerError("bad-request", `${param}: ${cause.message}`, { cause, param });
  }
}

/** The image of an edit with its mask: that of the file `mask`, or else its own alpha. Rejects with `ServerError`. */
export async function readEdited(
  file: Bytes,
  maskFile: Bytes | undefined,
  takesProportions: TakesProportions,
): Promise<InputImage> {
  const image = await readImage(file, "image");
  const masked = maskFile ? await readImage(maskFile, "mask") : image;
  if (masked.width !== image.width || masked.height !== image.height) {
    const sizes = `mask has ${masked.width} × ${masked.height} pixels, image ${image.width} × ${image.height}`;
    throw new ServerError("bad-request", `mask must have the size of image: ${sizes}.`, { param: "mask" });
  }
  const mask = keptPixels(masked);
  const isOpaque = !mask.includes(0);
  if (isOpaque && maskFile) {
    const message = `mask has no transparent pixels, so it ${describeUniform(mask)}. Erase what is to be generated, so that its alpha is 0.`;
    throw new ServerError("bad-request", message, { param: "mask" });
  }
  if (!isOpaque && image.width !== image.height && !(await takesProportions())) {
    const message = `image has ${image.width} × ${image.height} pixels; with a mask it must be square for this model.`;
    throw new ServerError("bad-request", message, { param: "image" });
  }
  return { image: removeAlpha(image), mask: isOpaque ? undefined : mask };
}

/**
 * What an image shows, for a decoder that takes text: the prompt in the record of an image that this package wrote, or else nothing.
 * Undefined for other decoders.
 */
export async function textOf(
  bytes: Bytes,
  { decoder }: Pick<ServedModelInfo, "decoder">,
  warn: (message: string) => void,
): Promise<string | undefined> {
  if (!decoder?.unets.some(({ takesText }) => takesText)) return undefined;
  const { record } = await readImageRecord(bytes, "image").catch(() => ({ record: undefined }));
  const prompt = record?.inputs.prompt;
  if (typeof prompt === "string") return prompt;
  warn("The decoder takes text. dalle2.text did not say what the image shows, so it was given an empty text.");
  return "";
}

/** 1 where a pixel is opaque, 0 where it is transparent. */
function keptPixels({ width, height, data }: RgbaImage): Uint8Array {
  const kept = new Uint8Array(width * height);
  // A loop: `from` takes half a second for 16 million pixels, in which the server answers nobody.
  for (let pixel = 0; pixel < kept.length; pixel++) kept[pixel] = data[pixel * 4 + 3]! > THRESHOLD ? 1 : 0;
  return kept;
}
