// The images of a request: how many there are, and what each is generated from.
import type { ImageRecord } from "../pipeline/records/image-record.js";
import { REQUEST_DEFAULTS, type ImageRequest, type RequestParameters, type Task } from "./request.js";

/** Tasks whose images are a series from the same noise. */
export type SeriesTask = "interpolate" | "edit";

/** How many images they have by default. */
const DEFAULT_FRAMES: Readonly<Record<SeriesTask, number>> = {
  interpolate: REQUEST_DEFAULTS.interpolateFrames,
  edit: REQUEST_DEFAULTS.editFrames,
};

/** Whether the images of a task are a series from the same noise. They are generated together. */
export function isSeries(task: Task): task is SeriesTask {
  return task in DEFAULT_FRAMES;
}

/** What decides how many images a request has. */
export interface SizedRequest extends Pick<ImageRequest, "parameters"> {
  /** Its images, or whatever stands for them. */
  readonly images: readonly unknown[];
}

/** How many images a request asks for. */
export function requestSize({ parameters, images }: SizedRequest): number {
  const { task, prompts, count, frames } = parameters;
  if (isSeries(task)) return frames ?? DEFAULT_FRAMES[task];
  const inputs = task === "create" || task === "inpaint" ? prompts : images;
  return Math.max(inputs.length, 1) * count;
}

/** The largest seed. */
export const MAX_SEED = Number.MAX_SAFE_INTEGER;

/** Seed of an image of a request: the seeds follow each other; after the largest comes 0. */
export function seedOfImage(seed: number, index: number): number {
  const room = MAX_SEED - seed;
  return index <= room ? seed + index : index - room - 1;
}

/** Prompt of an image of a request; empty if it has none. Of a series: both ends. */
export function promptOfImage({ task, prompts, count }: RequestParameters, index: number): string {
  if (isSeries(task)) return prompts.join(" → ");
  if (task === "create" || task === "inpaint") return prompts[Math.floor(index / count)] ?? "";
  return prompts[0] ?? "";
}

/** The parameters that generate an image of a request again, alone. A series is generated again as a whole. */
export function parametersOfImage(parameters: RequestParameters, index: number): RequestParameters {
  const { task, prompts, seed } = parameters;
  if (isSeries(task)) return parameters;
  return {
    ...parameters,
    prompts: prompts.length === 0 ? [] : [promptOfImage(parameters, index)],
    count: 1,
    seed: seedOfImage(seed, index),
  };
}

/** What the record of an image says of its inputs, under the names that the `dalle2` command uses. */
export function inputsOfImage(
  { hint, hintName = "hint", ...request }: Pick<ImageRequest, "parameters" | "imageNames" | "hint" | "hintName">,
  index: number,
): ImageRecord["inputs"] {
  return { ...ownInputs(request, index), ...(hint && { hint: hintName }) };
}

function ownInputs(
  { parameters, imageNames = [] }: Pick<ImageRequest, "parameters" | "imageNames">,
  index: number,
): ImageRecord["inputs"] {
  const { task, prompts, count, isBetweenImages } = parameters;
  const [first = "image", second = "image"] = imageNames;
  const prompt = promptOfImage(parameters, index);
  const ofImage = (image: string) => ({ image, ...(prompt === "" ? {} : { prompt }) });
  switch (task) {
    case "create":
      return { prompt };
    case "inpaint":
      return { image: first, mask: "mask", prompt };
    case "variations":
    case "upscale":
      return ofImage(imageNames[Math.floor(index / count)] ?? first);
    case "interpolate": {
      const [start = first, end = second] = isBetweenImages ? imageNames : prompts;
      return { start, end, frame: index + 1 };
    }
    case "edit": {
      const [from = "", to = ""] = prompts;
      return { image: first, from, to, ...(requestSize({ parameters, images: [] }) > 1 ? { frame: index + 1 } : {}) };
    }
  }
}
