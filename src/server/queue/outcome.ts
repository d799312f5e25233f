import { z } from "zod";
import { parseJson } from "../../platform/json.js";
import type { ServedModelInfo } from "../jobs/job-runner.js";
import type { FinishedImage } from "../jobs/job.js";
import type { JobFiles } from "./job-files.js";
import { SENT_FAILURE } from "./sent-failure.js";

/** An image that is done, whose file is in `JobFiles`. */
export const IMAGE_REFERENCE = z.object({
  file: z.string(),
  width: z.int().positive(),
  height: z.int().positive(),
  seed: z.int().nonnegative(),
  parameters: z.looseObject({ script: z.string(), tuning: z.string() }),
});
/** See `IMAGE_REFERENCE`. */
export type ImageReference = z.infer<typeof IMAGE_REFERENCE>;

const OUTCOME = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("images"), images: z.array(IMAGE_REFERENCE) }),
  z.object({ kind: z.literal("described"), info: z.custom<SentModelInfo>() }),
  z.object({ kind: z.literal("error"), error: SENT_FAILURE }),
  z.object({ kind: z.literal("cancelled") }),
]);

/** How a job ended. */
export type Outcome = z.infer<typeof OUTCOME>;

/** The description of a model. Which workers have loaded it is in their announcements. */
export type SentModelInfo = Omit<ServedModelInfo, "isLoaded">;

/** Reads an outcome; undefined if there is none. */
export function parseOutcome(text: string | null | undefined): Outcome | undefined {
  return text === null || text === undefined ? undefined : OUTCOME.safeParse(parseJson(text)).data;
}

/** Puts an image into a file. */
export async function packImage(
  job: string,
  index: number,
  { png, width, height, seed, parameters }: FinishedImage,
  files: JobFiles,
): Promise<ImageReference> {
  return { file: await files.put(job, `out-${index}.png`, png), width, height, seed, parameters };
}

/** The image of a reference; undefined if its file is gone. */
export async function unpackImage(image: ImageReference, files: JobFiles): Promise<FinishedImage | undefined> {
  const { file, width, height, seed, parameters } = image;
  const png = await files.get(file);
  return png && { png, width, height, seed, parameters: parameters as FinishedImage["parameters"] };
}
