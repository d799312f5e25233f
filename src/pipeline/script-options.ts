import type { SamplerName } from "../diffusion/samplers.js";
import type { CascadeSettings } from "../diffusion/settings.js";
import { checkLength } from "../platform/arguments.js";
import type { RgbImage } from "../image/image.js";
import type { Embedding } from "./embedding.js";
import type { TimeEstimate } from "./time-estimate.js";
import type { JsonOptions, GeneratedImage } from "./generated-image.js";
import type { RandomOptions } from "./randomness.js";
import type { AskedPriorSettings } from "./settings.js";

/** A step that has been taken: `step` of `steps` of the prior, or of U-Net `unetNumber`, in batch `batch` of `batches`. */
export interface ScriptProgress {
  /** Which of the two is sampled. */
  readonly phase: "prior" | "decoder";
  /** Counted from 1; absent for the prior. */
  readonly unetNumber?: number;
  /** Counted from 1. */
  readonly step: number;
  /** How many there are. */
  readonly steps: number;
  /** Counted from 1. Where the GPU has no memory for a batch, its parts are batches of their own. */
  readonly batch: number;
  /** How many there are. */
  readonly batches: number;
  /**
   * Until the script is done, by the pace so far; for calls that a script of yours makes, until each is, unless they share
   * a `timeEstimate`.
   */
  readonly millisecondsLeft: number | undefined;
  /** The images of this batch as they are coming along, in the size that the U-Net makes; with `previewEvery`. */
  readonly preview?: readonly RgbImage[];
  /** With `preview`: index of its first image, counted as that of `onImage`; the others follow. */
  readonly previewIndex?: number;
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
   * Takes each image as soon as its batch is done, so that nothing is lost when a later one fails. `index` counts over the
   * call: input × samples of each + sample. The call waits for what it returns.
   */
  readonly onImage?: ((image: GeneratedImage, index: number) => void | Promise<void>) | undefined;
}

/** What the calls of a script take, beyond what the script does. */
export interface SharedOptions {
  /** Counts the time of several calls together (`InferenceScript.timeEstimate`). Default: of this one alone. */
  readonly timeEstimate?: TimeEstimate | undefined;
}

/** How the prior samples: settings default to those of the load config, else of the checkpoint. */
export interface PriorCallOptions extends AskedPriorSettings {
  /** Most embeddings computed at once. Default 100. */
  readonly batchSize?: number | undefined;
}

/** How the decoder samples: settings default to those of the load config, else of the checkpoint. */
export interface DecoderCallOptions extends CascadeSettings {
  /** Most images computed at once. Default 10. */
  readonly batchSize?: number | undefined;
}

export interface SamplePriorOptions extends CallOptions, SharedOptions, PriorCallOptions {
  /** Embeddings for each text. Default 1. */
  readonly sampleCount?: number | undefined;
  /** For each text, or for all: the negative prompt. Default: the null that the prior learned. */
  readonly negativeText?: string | readonly string[] | undefined;
}

/** True where a pixel of the image is kept, row by row. */
export type Mask = ArrayLike<boolean | number>;

/**
 * For scripts in which guidance can lead away from a text. The prior's null branch is told of it in place of its learned
 * null, and so are U-Nets that take text; those that take image embeddings see there what the prior makes of it, from the
 * same noise and without guidance, or the learned null where there is no prior.
 */
export interface NegativeOptions {
  /** What images are to be unlike: for each input, or for all. It takes guidance: a scale other than 1. */
  readonly negativeText?: string | readonly string[] | undefined;
}

/** How the decoder draws, whatever it draws from. */
export interface GenerateOptions extends CallOptions, DecoderCallOptions {
  /** Images for each input. Default 1. */
  readonly sampleCount?: number | undefined;
}

/** What scripts take that sample the prior and then the decoder: the options of both, with its name in front of each. */
export interface TwoStageOptions extends CallOptions {
  /** Guidance scale of the prior; 1 is no guidance. Default: the load config's, else 1. */
  readonly priorCondScale?: number | undefined;
  /** Sampling steps of the prior. Default: the load config's, else those of training. */
  readonly priorSteps?: number | undefined;
  /** Sampler of the prior, by its name. Default: DDPM for as many steps as in training, DDIM for fewer. */
  readonly priorSampler?: SamplerName | undefined;
  /** Candidates for each embedding, of which the one most like the text is kept. Default 2. */
  readonly priorNumSamplesPerBatch?: number | undefined;
  /** Most embeddings computed at once. Default 100. */
  readonly priorBatchSize?: number | undefined;
  /** Guidance scale of the decoder: for all U-Nets, or for each. Default, also for null: the load config's, else 1. */
  readonly decoderCondScale?: CascadeSettings["condScale"];
  /** Sampling steps of the decoder: for all U-Nets, or for each. Default, also for null: the load config's, else those of training. */
  readonly decoderSteps?: CascadeSettings["steps"];
  /** Sampler of the decoder: for all U-Nets, or for each. Default, also for null: DDPM for as many steps as in training, DDIM for fewer. */
  readonly decoderSampler?: CascadeSettings["sampler"];
  /** Most images computed at once. Default 10. */
  readonly decoderBatchSize?: number | undefined;
}

/** What `sampleDecoder` draws from: a list each, of one value for each input. */
export interface DecoderData {
  /** Images to embed by CLIP; or, starting above U-Net 1, to enlarge. */
  readonly images?: readonly RgbImage[] | undefined;
  /** Image embeddings from the prior or CLIP; instead of `images`. */
  readonly imageEmbed?: readonly Embedding[] | undefined;
  /** Texts that CLIP encodes, where U-Nets were trained with text. */
  readonly text?: readonly string[] | undefined;
  /** Text encodings of CLIP; instead of `text`. */
  readonly textEncoding?: readonly Embedding[] | undefined;
  /** For each input what guidance leads away from, where U-Nets take text. Default: the null that they learned. */
  readonly negativeText?: readonly string[] | undefined;
  /** The same for U-Nets that take image embeddings. */
  readonly negativeImageEmbed?: readonly Embedding[] | undefined;
  /**
   * Square images to start from, in place of noise alone: brought to the size of U-Net 1 (Pillow's LANCZOS), noised to the
   * level of the first of the steps that `strength` leaves it, and sampled on. Later U-Nets enlarge the result as usual. Not
   * together with `inpaintImages`, nor with a `startAtUnetNumber` above 1.
   */
  readonly initImages?: readonly RgbImage[] | undefined;
  /** Square images of one size, of which `inpaintImageMasks` says what is kept. */
  readonly inpaintImages?: readonly RgbImage[] | undefined;
  /** A mask for each of `inpaintImages`, true where a pixel is kept. */
  readonly inpaintImageMasks?: readonly Mask[] | undefined;
}

/** How much images that a call starts from may change. */
export interface StrengthOptions {
  /**
   * With `initImages`: the share of the steps of U-Net 1 that is run, 0 to 1, rounded down to whole steps as Diffusers does. 0
   * gives the image back as it is (but for the later U-Nets); 1 starts from noise alone, as without it. Default 0.8.
   */
  readonly strength?: number | undefined;
}

/** The default of `strength`. */
export const DEFAULT_STRENGTH = 0.8;

export interface SampleDecoderOptions extends GenerateOptions, SharedOptions, StrengthOptions, DecoderData {
  /** How often each step is taken when inpainting. Default 5. */
  readonly inpaintResampleTimes?: number | undefined;
  /** First U-Net to run, counted from 1. Default 1; above it, `images` are what it enlarges. */
  readonly startAtUnetNumber?: number | undefined;
  /** Last U-Net to run, counted from 1. Default: the last of the decoder. */
  readonly stopAtUnetNumber?: number | undefined;
  /** What an image says that it was drawn with, from its input and this call's own options; default: those. */
  readonly describe?: ((input: number, own: JsonOptions) => JsonOptions) | undefined;
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

/** How texts become tokens. */
export const TOKENIZATIONS = ["clip", "dalle2-laion"] as const;
export type Tokenization = (typeof TOKENIZATIONS)[number];

/** How a script is set up. */
export interface ScriptOptions {
  /**
   * `clip`, the default: as the CLIP's own training did, OpenAI's with start and end tokens. `dalle2-laion`: without them
   * for every CLIP, as upstream's scripts do.
   */
  readonly tokenization?: Tokenization | undefined;
  /** Takes warnings; default `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined;
}
