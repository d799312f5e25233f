import type { SamplerName } from "../diffusion/samplers.js";
import type { CascadeSettings } from "../diffusion/settings.js";
import { checkLength } from "../platform/arguments.js";
import type { RgbImage } from "../image/image.js";
import type { CanvasOptions } from "./canvas-options.js";
import type { Embedding } from "./embedding.js";
import type { TimeEstimate } from "./time-estimate.js";
import type { JsonOptions, GeneratedImage } from "./generated-image.js";
import type { RandomOptions } from "./randomness.js";
import type { AskedPriorSettings } from "./settings.js";

/** A sampling step that is done: `step` of `steps` of the prior or of U-Net `unetNumber`, in batch `batch` of `batches`. */
export interface ScriptProgress {
  /** The model that is sampled. */
  readonly phase: "prior" | "decoder";
  /** Number of the U-Net, counted from 1. Absent for the prior. */
  readonly unetNumber?: number;
  /** Number of the step, counted from 1. */
  readonly step: number;
  /** Number of steps. */
  readonly steps: number;
  /** Number of the batch, counted from 1. If the GPU has no memory for a batch, each of its parts counts as a batch. */
  readonly batch: number;
  /** Number of batches. */
  readonly batches: number;
  /**
   * Estimated time until the script is done. In a script of your own: until the call is done, unless its calls share a
   * `timeEstimate`.
   */
  readonly millisecondsLeft: number | undefined;
  /** Previews of the images of this batch, in the size of the U-Net. Only with `previewEvery`. */
  readonly preview?: readonly RgbImage[];
  /** Index of the first image of `preview`, counted as for `onImage`. The others follow it. */
  readonly previewIndex?: number;
}

/** Options of every long call. */
export interface CallOptions extends RandomOptions {
  /** Aborts the call within one sampling step. The call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each sampling step. */
  readonly onProgress?: ((progress: ScriptProgress) => void) | undefined;
  /** Number of steps of a U-Net between two previews for `onProgress`. Default: no previews. */
  readonly previewEvery?: number | undefined;
  /**
   * Called with each image as soon as its batch is done, so that no image is lost if a later batch fails. `index` counts over
   * the call: input × samples per input + sample. If it returns a promise, the call waits for it.
   */
  readonly onImage?: ((image: GeneratedImage, index: number) => void | Promise<void>) | undefined;
}

/** Options of `samplePrior` and `sampleDecoder` that callers of a script do not set. */
export interface SharedOptions {
  /** Time estimate that several calls share (`InferenceScript.timeEstimate`). Default: an estimate for this call. */
  readonly timeEstimate?: TimeEstimate | undefined;
}

/** How the prior samples. Settings default to those of the load config, or else of the checkpoint. */
export interface PriorCallOptions extends AskedPriorSettings {
  /** Maximum number of embeddings in a batch. Default 100. */
  readonly batchSize?: number | undefined;
}

/** How the decoder samples. Settings default to those of the load config, or else of the checkpoint. */
export interface DecoderCallOptions extends CascadeSettings {
  /**
   * How much noise is added to image embeddings, 0 to 999; more makes images less like them. Only the decoder of Stable unCLIP takes
   * it. Default 0.
   */
  readonly noiseLevel?: number | undefined;
  /** Maximum number of images in a batch. Default 10. */
  readonly batchSize?: number | undefined;
}

/** Options of `samplePrior`. */
export interface SamplePriorOptions extends CallOptions, SharedOptions, PriorCallOptions {
  /** Embeddings for each text. Default 1. */
  readonly sampleCount?: number | undefined;
  /** Negative prompt, for all texts or for each. Default: the null embedding of the prior. */
  readonly negativeText?: string | readonly string[] | undefined;
  /**
   * Image embeddings to start from, one for each text or for each embedding: noise is added to them to the level of the first step
   * that runs. With negative prompts there may be as many again, for the embeddings of these; default: the same. Only priors of
   * Kandinsky 2.2 take them. Default: noise alone.
   */
  readonly initEmbed?: readonly Embedding[] | undefined;
  /** With `initEmbed`: the share of the sampling steps that is run, the last ones, rounded down. Default 0.3. */
  readonly strength?: number | undefined;
}

/** A mask for inpainting, row by row: true where a pixel of the image is kept. */
export type Mask = ArrayLike<boolean | number>;

/**
 * Options of scripts with a negative prompt. In guidance it takes the place of the null embedding: of the prior, and of
 * U-Nets that take text. U-Nets that take image embeddings get the image embedding that the prior makes of it, from the same
 * noise and without guidance; without a prior they use their null embedding. In families whose null branch is a text (Karlo:
 * the empty text) it takes the place of that text, and U-Nets keep their null image embedding.
 */
export interface NegativeOptions {
  /** Negative prompt, for all inputs or for each. It needs guidance: a scale other than 1. */
  readonly negativeText?: string | readonly string[] | undefined;
}

/** How the decoder generates images from its inputs. */
export interface GenerateOptions extends CallOptions, DecoderCallOptions, CanvasOptions {
  /** Images for each input. Default 1. */
  readonly sampleCount?: number | undefined;
}

/** Options of scripts that sample the prior and then the decoder. Each is an option of one of them, with its name as prefix. */
export interface TwoStageOptions extends CallOptions, CanvasOptions {
  /** Guidance scale of the prior; 1 is no guidance. Default: that of the load config, or else the prior's own: usually 1. */
  readonly priorCondScale?: number | undefined;
  /** Sampling steps of the prior. Default: those of the load config, or else the prior's own: usually as many as in training. */
  readonly priorSteps?: number | undefined;
  /** Name of the sampler of the prior. Default: DDPM for as many steps as in training, DDIM for fewer. */
  readonly priorSampler?: SamplerName | undefined;
  /** Candidates for each embedding. The one most similar to the text is kept. Default: that of the prior, 2 or 1. */
  readonly priorNumSamplesPerBatch?: number | undefined;
  /** Maximum number of embeddings in a batch. Default 100. */
  readonly priorBatchSize?: number | undefined;
  /**
   * Guidance scale of the decoder, for all U-Nets that take guidance or for each. Default, also for null: that of the load config,
   * or else the U-Net's own: usually 1.
   */
  readonly decoderCondScale?: CascadeSettings["condScale"];
  /**
   * Sampling steps of the decoder, for all U-Nets or for each. Default, also for null: those of the load config, or else
   * the U-Net's own: usually as many as in training.
   */
  readonly decoderSteps?: CascadeSettings["steps"];
  /**
   * Name of the sampler of the decoder, for all U-Nets or for each. Default, also for null: DDPM for as many steps as in
   * training, DDIM for fewer.
   */
  readonly decoderSampler?: CascadeSettings["sampler"];
  /**
   * How much noise is added to image embeddings, 0 to 999; more makes images less like them. Only the decoder of Stable unCLIP takes
   * it. Default 0.
   */
  readonly decoderNoiseLevel?: number | undefined;
  /** Maximum number of images in a batch. Default 10. */
  readonly decoderBatchSize?: number | undefined;
}

/** Inputs of `sampleDecoder`. Each is a list with one value for each input. */
export interface DecoderData {
  /** Images that CLIP embeds; or, if `startAtUnetNumber` is above 1, images to enlarge. */
  readonly images?: readonly RgbImage[] | undefined;
  /** Image embeddings from the prior or CLIP, in place of `images`. */
  readonly imageEmbed?: readonly Embedding[] | undefined;
  /** Texts that CLIP encodes, if U-Nets take text. Default: the null text of the decoder, if it has one. */
  readonly text?: readonly string[] | undefined;
  /** Text encodings from CLIP, in place of `text`. */
  readonly textEncoding?: readonly Embedding[] | undefined;
  /** With `textEncoding`: CLIP's embeddings of the texts. Needed if a U-Net takes them (`StageInfo.takesTextEmbed`). */
  readonly textEmbed?: readonly Embedding[] | undefined;
  /**
   * With `textEncoding`, for U-Nets that take a mask: for each text, 1 for each encoding of a token and 0 for padding. Default:
   * nothing is padding.
   */
  readonly textMask?: readonly (readonly number[])[] | undefined;
  /** Negative prompts, if U-Nets take text. Default: the null embedding of each U-Net, or the null text of the decoder. */
  readonly negativeText?: readonly string[] | undefined;
  /** Image embeddings that guidance moves away from, if U-Nets take them. Default: the null embedding of each U-Net. */
  readonly negativeImageEmbed?: readonly Embedding[] | undefined;
  /**
   * Initial images, in place of noise alone; square ones, unless the decoder generates images of many sizes
   * (`StageInfo.sizeUnit`). They are resized to the size of U-Net 1 (Pillow's LANCZOS; Kandinsky: its bicubic filter) and noised
   * for the first step that `strength` leaves; sampling goes on from there. Later U-Nets enlarge the result as usual. Cannot be
   * combined with `inpaintImages`, or with a `startAtUnetNumber` above 1.
   */
  readonly initImages?: readonly RgbImage[] | undefined;
  /**
   * Images to inpaint: squares of one size, or any images if the decoder generates images of many sizes. `inpaintImageMasks` says
   * what is kept of them.
   */
  readonly inpaintImages?: readonly RgbImage[] | undefined;
  /** A mask for each of `inpaintImages`: true where a pixel is kept. */
  readonly inpaintImageMasks?: readonly Mask[] | undefined;
}

/** How much of the initial images may change. */
export interface StrengthOptions {
  /**
   * With `initImages`: the share of the sampling steps of U-Net 1 that is run, from 0 to 1, rounded down to whole steps as
   * Diffusers does. At 0, U-Net 1 returns the image unchanged. At 1, sampling starts from noise alone. Default 0.8.
   */
  readonly strength?: number | undefined;
}

/** The default of `strength`. */
export const DEFAULT_STRENGTH = 0.8;

/** The same for the prior: that of its reference. */
export const DEFAULT_PRIOR_STRENGTH = 0.3;

/** Options of `sampleDecoder`. */
export interface SampleDecoderOptions extends GenerateOptions, SharedOptions, StrengthOptions, DecoderData {
  /** How often each step is repeated in inpainting (Lugmayr et al. 2022). Default 5. */
  readonly inpaintResampleTimes?: number | undefined;
  /** First U-Net to run, counted from 1. Above 1, it enlarges `images`. Default 1. */
  readonly startAtUnetNumber?: number | undefined;
  /** Last U-Net to run, counted from 1. Default: the last of the decoder. */
  readonly stopAtUnetNumber?: number | undefined;
  /**
   * Returns the `parameters` of an image, from the index of its input and the options of this call. Default: these options.
   */
  readonly describe?: ((input: number, own: JsonOptions) => JsonOptions) | undefined;
}

/** Returns a text for each of `count` inputs, from one text for all or a list. Throws `ArgumentError` for a list of another length. */
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

/** Ways of tokenizing texts. */
export const TOKENIZATIONS = ["clip", "dalle2-laion"] as const;
/** A way of tokenizing texts; see `ScriptOptions.tokenization`. */
export type Tokenization = (typeof TOKENIZATIONS)[number];

/** Options of the constructors of scripts. */
export interface ScriptOptions {
  /**
   * How texts are tokenized. `clip`, the default: as in the training of the CLIP, so OpenAI's get start and end tokens.
   * `dalle2-laion`: never with these tokens, as its scripts do; refused if the model has a tokenizer of its own, as Karlo has.
   */
  readonly tokenization?: Tokenization | undefined;
  /** Called with each warning. Default: `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined;
}
