// The answer of a call for images, as OpenAI's clients read it.
import type { FinishedImage } from "../../jobs/job.js";
import type { ServerParts } from "../parts.js";
import type { CallResult, ImageCall } from "./image-call.js";
import { base64, outputFile, type Output, type OutputFile } from "./output.js";
import type { ImagesAnswer, StreamEvent } from "./schemas.js";
import { sizeText } from "./size.js";

/** Seconds since 1970. */
export function now(): number {
  return Math.floor(Date.now() / 1000);
}

/** What an answer says of one image beyond OpenAI's API. */
export function imageExtension(image: FinishedImage, index: number, { resampledFrom }: OutputFile) {
  return {
    index,
    seed: image.seed,
    parameters: image.parameters,
    nativeSize: sizeText(image),
    ...(resampledFrom && { resampledFrom: sizeText(resampledFrom) }),
  };
}

/** An answer, and the size that its images were resampled from, if they were. */
export interface MadeAnswer {
  readonly answer: ImagesAnswer;
  readonly resampledFrom: string | undefined;
}

/** Writes the images of a call. `base` is where its caller reaches the server. */
export async function imagesAnswerOf(
  { results }: ServerParts,
  { model, jobId }: ImageCall,
  { images, warnings }: CallResult,
  output: Output,
  base: string,
): Promise<MadeAnswer> {
  const { format } = output;
  const data: ImagesAnswer["data"] = [];
  let size = "";
  let resampledFrom: string | undefined;
  // One after another: an image is resampled in memory.
  for (const [index, image] of images.entries()) {
    const file = await outputFile(image, output);
    const extension = imageExtension(image, index, file);
    size = sizeText(file);
    resampledFrom = extension.resampledFrom;
    const url = output.wantsUrl ? results.url(await results.keep(file.bytes, format), format, base) : undefined;
    data.push({
      ...(output.wantsBase64 && { b64_json: base64(file.bytes) }),
      ...(url !== undefined && { url }),
      dalle2: extension,
    });
  }
  const answer: ImagesAnswer = {
    created: now(),
    background: "opaque",
    output_format: format,
    size,
    data,
    dalle2: { model, jobId, warnings: [...warnings] },
  };
  return { answer, resampledFrom };
}

/** The fields that all events of a stream have. */
export function eventFields(bytes: Uint8Array<ArrayBuffer>, size: string, { format }: Output, quality: string) {
  return {
    b64_json: base64(bytes),
    created_at: now(),
    background: "opaque",
    output_format: format,
    quality,
    size,
  } as const;
}

/** Nothing is counted by tokens, but clients expect the numbers. */
export const NO_USAGE = {
  input_tokens: 0,
  output_tokens: 0,
  total_tokens: 0,
  input_tokens_details: { image_tokens: 0, text_tokens: 0 },
} as const satisfies Extract<StreamEvent, { usage: unknown }>["usage"];
