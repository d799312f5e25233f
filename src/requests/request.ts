// What a person asks for, as plain data: it can be kept, linked to, put into a PNG, and sent to another machine.
import { SAMPLER_NAMES, type SamplerName } from "../diffusion/samplers.js";
import type { RgbImage } from "../image/image.js";
import type { CanvasOptions } from "../pipeline/canvas-options.js";

/** What can be done with a model. */
export const TASKS = ["create", "variations", "inpaint", "upscale", "interpolate", "edit"] as const;
/** One of `TASKS`. */
export type Task = (typeof TASKS)[number];

/** How a network samples. What is absent is the model's default. */
export interface Sampling {
  /** Sampling steps. */
  readonly steps?: number | undefined;
  /** Guidance scale; 1 is no guidance. */
  readonly condScale?: number | undefined;
}

/** The same for the prior. */
export interface PriorSampling extends Sampling {
  /** Default: the model's. */
  readonly sampler?: SamplerName | undefined;
  /** Candidates for each image embedding. The one most similar to the text is kept. */
  readonly candidates?: number | undefined;
}

/** How the images of a request are sampled: all that images of one batch share. */
export interface RequestSettings extends Pick<CanvasOptions, "size"> {
  /** What is done with the model. */
  readonly task: Task;
  /** How the prior samples, where a task runs it. */
  readonly prior: PriorSampling;
  /** For each U-Net in order. Empty: `decoder`. */
  readonly unets: readonly Sampling[];
  /** For all U-Nets, where `unets` is empty. Default: the model's defaults. */
  readonly decoder?: Sampling | undefined;
  /** Sampler of all U-Nets. */
  readonly sampler?: SamplerName | undefined;
  /** Noise on image embeddings, 0 to 999; more makes images less like them. Only Stable unCLIP takes it. Default 0. */
  readonly noiseLevel?: number | undefined;
  /** Images between the ends, of `interpolate`, or from weak to strong, of `edit`. */
  readonly frames?: number | undefined;
  /** Whether `interpolate` goes between images; its prompts, if any, then say what they show. */
  readonly isBetweenImages?: boolean | undefined;
  /** How far `edit` goes to the second text, 0 to 1. */
  readonly strength?: number | undefined;
  /** How often `inpaint` repeats each step. */
  readonly resampleTimes?: number | undefined;
  /** First U-Net of `upscale`, counted from 1. */
  readonly startAtUnetNumber?: number | undefined;
}

/** The parameters of a request: everything but its images. */
export interface RequestParameters extends RequestSettings {
  /** A prompt for each line. Interpolation between texts has two; an edit has the text before and the text after. */
  readonly prompts: readonly string[];
  /** Negative prompt. Absent or empty: none. */
  readonly negative?: string | undefined;
  /** Images for each prompt, or for each input image. */
  readonly count: number;
  /** Seed of the first image; each later image has the next seed. The images of `interpolate` and `edit` share one. */
  readonly seed: number;
}

/** A request for images. */
export interface ImageRequest {
  /** Everything but its images. */
  readonly parameters: RequestParameters;
  /** `variations`, `inpaint`, `upscale`, `edit`: one image; `interpolate` between images: two; else none. */
  readonly images: readonly RgbImage[];
  /** Names of these images, for records. */
  readonly imageNames?: readonly string[] | undefined;
  /** Of `inpaint`, in the size of the image, row by row: 1 where a pixel is kept, 0 where it is generated. */
  readonly mask?: Uint8Array | undefined;
  /** What all images follow, such as a map of depths. Models that were trained with hints need it; others take none. */
  readonly hint?: RgbImage | undefined;
  /** Name of the hint, for records. */
  readonly hintName?: string | undefined;
  /** How many images are computed together at most. It changes memory and speed, not the images. Default: the library's. */
  readonly batchSize?: number | undefined;
}

/** Values of the library for parameters that are absent. */
export const REQUEST_DEFAULTS = {
  /** `frames` of `interpolate`. */
  interpolateFrames: 8,
  /** `frames` of `edit`. */
  editFrames: 1,
  /** Of all tasks. */
  noiseLevel: 0,
  /** Of `edit`. */
  strength: 0.4,
  /** Of `inpaint`. */
  resampleTimes: 5,
  /** Of `upscale`. */
  startAtUnetNumber: 2,
} as const;

/** Whether a task runs the prior, if the model has one. */
export function runsPrior({ task, isBetweenImages }: Pick<RequestSettings, "task" | "isBetweenImages">): boolean {
  return task === "create" || task === "inpaint" || (task === "interpolate" && isBetweenImages !== true);
}

/** Returns the value if it is the name of a sampler, otherwise undefined. */
export function samplerNamed(value: unknown): SamplerName | undefined {
  return SAMPLER_NAMES.find((name) => name === value);
}
