import {
  checkArguments,
  checkLength,
  count,
  finiteNumber,
  fraction,
  filledList,
  oneOf,
  oneOrEach,
  orNull,
  seed,
  type ArgumentRule,
} from "../platform/arguments.js";
import { SAMPLER_NAMES, type SamplerName } from "../diffusion/sampler.js";
import type { RgbImage } from "../image/image.js";
import type { Embedding } from "./embedding.js";
import type { Estimate } from "./estimate.js";
import type { JsonOptions, Picture } from "./picture.js";
import type { RandomOptions } from "./randomness.js";

/** A step that has been taken: `step` of `steps` of the prior, or of U-Net `unetNumber`, in batch `batch` of `batches`. */
export interface ScriptProgress {
  readonly phase: "prior" | "decoder";
  /** Counted from 1; absent for the prior. */
  readonly unetNumber?: number;
  readonly step: number;
  readonly steps: number;
  /** Counted from 1. Where the GPU has no memory for a batch, its parts are batches of their own. */
  readonly batch: number;
  readonly batches: number;
  /**
   * Until the script is done, by the pace so far; for calls that a script of yours makes, until each is, unless they share
   * an `estimate`.
   */
  readonly millisecondsLeft: number | undefined;
  /** The pictures of this batch as they are coming along, in the size that the U-Net makes; with `previewEvery`. */
  readonly preview?: readonly RgbImage[];
}

/** What every long call takes. */
export interface CallOptions extends RandomOptions {
  /** Ends the call within one step; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each step that was taken. */
  readonly onProgress?: ((progress: ScriptProgress) => void) | undefined;
  /** Has each so-manieth step of a U-Net tell of its progress with a preview. Default: none, and nothing is read back. */
  readonly previewEvery?: number | undefined;
  /**
   * Takes each picture as soon as its batch is done, so that nothing is lost when a later one fails. `index` counts over the
   * call: input × samples of each + sample. The call waits for what it returns.
   */
  readonly onPicture?: ((picture: Picture, index: number) => void | Promise<void>) | undefined;
}

/** What the calls of a script take, beyond what the script does. */
export interface SharedOptions {
  /** Counts the time of several calls together (`InferenceScript.estimate`). Default: of this one alone. */
  readonly estimate?: Estimate | undefined;
}

export interface SamplePriorOptions extends CallOptions, SharedOptions {
  /** Default: that of the load config. */
  readonly condScale?: number | undefined;
  /** Embeddings for each text. Default 1. */
  readonly sampleCount?: number | undefined;
  /** Most embeddings computed at once. Default 100. */
  readonly batchSize?: number | undefined;
  /** Candidates for each embedding, of which the one most like the text is kept. Default 2. */
  readonly numSamplesPerBatch?: number | undefined;
  /** Sampling steps. Default: that of the load config, or of the checkpoint. */
  readonly timesteps?: number | undefined;
  /** Default: what the model's own library does for that number of steps. */
  readonly sampler?: SamplerName | undefined;
  /** For each text, or for all: what guidance leads away from. Default: the null that the prior learned. */
  readonly negativeText?: string | readonly string[] | undefined;
}

/** The settings of the prior that tell on an embedding, defaults filled in. */
export type PriorSettings = Readonly<Record<"condScale" | "timesteps" | "numSamplesPerBatch", number>> & {
  /** Undefined for what the model's own library does. */
  readonly sampler: SamplerName | undefined;
};

/** True where a pixel of the picture is kept, row by row. */
export type Mask = ArrayLike<boolean | number>;

/**
 * For scripts in which guidance can lead away from a text. The prior's null branch is told of it in place of its learned
 * null, and so are U-Nets that take text; those that take image embeddings see there what the prior makes of it, from the
 * same noise and without guidance, or the learned null where there is no prior.
 */
export interface NegativeOptions {
  /** What pictures are to be unlike: for each input, or for all. It takes guidance: a condScale other than 1. */
  readonly negativeText?: string | readonly string[] | undefined;
}

/** How the decoder draws, whatever it draws from. */
export interface DrawOptions extends CallOptions {
  /** For all U-Nets, or for each. Default: that of the load config. */
  readonly condScale?: number | readonly number[] | undefined;
  /** Pictures for each input. Default 1. */
  readonly sampleCount?: number | undefined;
  /** Most pictures computed at once. Default 10. */
  readonly batchSize?: number | undefined;
  /** Sampling steps for all U-Nets, or for each. Default: that of the load config, or of the checkpoint. */
  readonly timesteps?: number | readonly (number | null)[] | undefined;
  /** Of all U-Nets. Default: what the model's own library does for the number of steps. */
  readonly sampler?: SamplerName | undefined;
}

/** What scripts take that sample the prior and then the decoder. */
export interface TwoStageOptions extends CallOptions {
  /** Default: that of the load config. */
  readonly priorCondScale?: number | undefined;
  /** For all U-Nets, or for each. Default: that of the load config. */
  readonly decoderCondScale?: number | readonly number[] | undefined;
  /** Default 100. */
  readonly priorBatchSize?: number | undefined;
  /** Default 10. */
  readonly decoderBatchSize?: number | undefined;
  /** Sampling steps of the prior. Default: that of the load config, or of the checkpoint. */
  readonly priorTimesteps?: number | undefined;
  /** Sampling steps of the U-Nets. Default: that of the load config, or of the checkpoint. */
  readonly decoderTimesteps?: number | readonly (number | null)[] | undefined;
  /** Default: what the model's own library does for the number of steps. */
  readonly priorSampler?: SamplerName | undefined;
  /** The same for all U-Nets. */
  readonly decoderSampler?: SamplerName | undefined;
}

/** What `sampleDecoder` draws from: a list each, of one value for each input. */
export interface DecoderData {
  /** Pictures to embed by CLIP; or, starting above U-Net 1, to enlarge. */
  readonly images?: readonly RgbImage[] | undefined;
  readonly imageEmbed?: readonly Embedding[] | undefined;
  readonly text?: readonly string[] | undefined;
  readonly textEncoding?: readonly Embedding[] | undefined;
  /** For each input what guidance leads away from, where U-Nets take text. Default: the null that they learned. */
  readonly negativeText?: readonly string[] | undefined;
  /** The same for U-Nets that take image embeddings. */
  readonly negativeImageEmbed?: readonly Embedding[] | undefined;
  /** Square pictures of one size, of which `inpaintImageMasks` says what is kept. */
  readonly inpaintImages?: readonly RgbImage[] | undefined;
  readonly inpaintImageMasks?: readonly Mask[] | undefined;
}

export interface SampleDecoderOptions extends DrawOptions, SharedOptions, DecoderData {
  /** How often each step is taken when inpainting. Default 5. */
  readonly inpaintResampleTimes?: number | undefined;
  readonly startAtUnetNumber?: number | undefined;
  readonly stopAtUnetNumber?: number | undefined;
  /** What a picture says that it was drawn with, from its input and this call's own options; default: those. */
  readonly describe?: ((input: number, own: JsonOptions) => JsonOptions) | undefined;
}

/** What is allowed of the numbers in the options of all scripts, by their names. */
const OPTION_RULES = {
  condScale: oneOrEach(finiteNumber),
  priorCondScale: finiteNumber,
  decoderCondScale: oneOrEach(finiteNumber),
  timesteps: oneOrEach(orNull(count)),
  priorTimesteps: count,
  decoderTimesteps: oneOrEach(orNull(count)),
  sampler: oneOf(...SAMPLER_NAMES),
  priorSampler: oneOf(...SAMPLER_NAMES),
  decoderSampler: oneOf(...SAMPLER_NAMES),
  sampleCount: count,
  priorSampleCount: count,
  decoderSampleCount: count,
  batchSize: count,
  priorBatchSize: count,
  decoderBatchSize: count,
  numSamplesPerBatch: count,
  priorNumSamplesPerBatch: count,
  previewEvery: count,
  seed,
  seeds: filledList(seed),
  startAtUnetNumber: count,
  stopAtUnetNumber: count,
  inpaintResampleTimes: count,
  resampleTimes: count,
  frames: count,
  strength: fraction,
} as const satisfies Readonly<Record<string, ArgumentRule<unknown>>>;

/** The same where the prior alone is sampled. */
const PRIOR_RULES = { ...OPTION_RULES, condScale: finiteNumber, timesteps: count };

/** Throws `ArgumentError` for a number that cannot be meant, before anything is computed with it. */
export function checkOptions(options: object): void {
  checkArguments(OPTION_RULES, options);
}

/** The same for options of the prior alone. */
export function checkPriorOptions(options: SamplePriorOptions): void {
  checkArguments(PRIOR_RULES, options);
}

/** Texts that were given, if any were, for each of `count` inputs or for all. Throws `ArgumentError` for another number. */
export function eachOf<T extends string | readonly string[] | undefined>(
  name: string,
  text: T,
  count: number,
): readonly string[] | Extract<T, undefined>;
export function eachOf(name: string, text: string | readonly string[] | undefined, count: number) {
  if (text === undefined) return undefined;
  if (typeof text === "string") return new Array<string>(count).fill(text);
  return checkLength(name, text, count);
}

/** How a script is set up. */
export interface ScriptOptions {
  /**
   * `clip`, the default: as the CLIP's own training did, OpenAI's with start and end tokens. `dalle2-laion`: without them
   * for every CLIP, as upstream's scripts do.
   */
  readonly tokenization?: "clip" | "dalle2-laion" | undefined;
  /** Takes warnings; default `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined;
}
