// The pipeline's view of models of any family.

import type { OnStep, Preview } from "../diffusion/denoise.js";
import type { NoiseSource } from "../diffusion/noise.js";
import type { AskedSettings, CascadeSettings, NetworkSettings } from "../diffusion/settings.js";
import type { ByteRounding, RgbImage } from "../image/image.js";
import type { Arena } from "../tensor/arena.js";
import type { Tensor } from "../tensor/tensor.js";
import type { StageInfo, TextShape } from "./stage-info.js";

/** For each text, 1 or 0 for each of its encodings: 0 is padding. */
export type TextMaskRows = readonly (readonly number[])[];

/** The embeddings of texts. The caller disposes both tensors. */
export interface TextEmbedding {
  /** `[batch, dimLatent]`, f32. */
  readonly textEmbed: Tensor;
  /** `[batch, length, width]`: every token after the last layer; most encoders give zeros where there is no text. */
  readonly textEncodings: Tensor;
  readonly textMask: TextMaskRows;
}

/** Encodes texts for priors and decoders: usually half of a CLIP (Radford et al. 2021). */
export interface TextEncoder {
  /** Most tokens in a text. */
  readonly contextLength: number;
  /** How texts were tokenized in its training: `openai` with a start and an end token, `bare` without. */
  readonly tokenization: "openai" | "bare";

  /**
   * Returns a row of tokens for each text, without padding, by the encoder's own vocabulary. `embedText` pads them. Default:
   * the vocabulary of OpenAI's CLIP, and rows padded with zeros.
   */
  tokenize?(texts: readonly string[], options?: { readonly warn?: (message: string) => void }): Int32Array[];

  /**
   * Embeds rows of tokens. Rows longer than the context are cut, shorter ones are padded with zeros. In a dry run nothing is
   * read from the file.
   */
  embedText(
    arena: Arena,
    tokens: readonly Int32Array[],
    options?: { readonly signal?: AbortSignal },
  ): Promise<TextEmbedding>;
}

/** Encodes images for decoders: usually the other half of a CLIP. */
export interface ImageEncoder {
  /** Side in pixels of the square image that it takes. */
  readonly imageSize: number;

  /** Resizes and crops an image of any size to a square of `imageSize`. Default: a LANCZOS resize that ignores proportions. */
  preprocess?(image: RgbImage): RgbImage;

  /**
   * Embeds images `[batch, side, side, channels]` in [0, 1], f32, with any side of at least `imageSize`: `[batch,
   * dimLatent]`, f32.
   */
  embedImage(image: Tensor): Tensor;

  /**
   * The embedding of no image, f32 `[1, dimLatent]`: what a decoder without a null embedding of its own is guided away from.
   * Default: there is none.
   */
  embedNull?(arena: Arena): Tensor;
}

/** The encoders of a model, usually both halves of a CLIP. */
export interface Encoders {
  /** Undefined if the model came without it: only its decoder may then have a text encoder of its own. */
  readonly text: TextEncoder | undefined;
  /** Undefined if the model came without it: it then takes image embeddings, but no images. */
  readonly image: ImageEncoder | undefined;
  /** Width of the common space of texts and images. */
  readonly dimLatent: number;
}

/** The texts for a prior. */
export interface PriorText {
  /** `[B, D]`, from the text encoder. */
  readonly textEmbed: Tensor;
  /** `[B, L, D]`, zero where there is no text. Ignored by a prior that was trained without it. */
  readonly textEncodings?: Tensor | undefined;
  /** Which encodings are text. Default: rows that are not zero. Not every prior uses it. */
  readonly textMask?: TextMaskRows | undefined;
}

/** The inputs and settings of a prior. Default: its own settings. */
export interface PriorSampling extends PriorText, AskedSettings {
  /** The negative prompts, as many as there are texts. Default: the null embeddings. */
  readonly negative?: PriorText | undefined;
  /**
   * Whether to sample an embedding of each negative prompt in the same run, for a prior that does (`Prior.embedsNegative`). They
   * come behind those of the texts, `[2B, D]`. Default false.
   */
  readonly embedsNegative?: boolean | undefined;
  /**
   * f32 `[B, D]`, in the scale of CLIP, one for each text: sampling starts from this embedding with noise added to the level of the
   * first step that runs, not from noise alone. With `embedsNegative` they may be `[2B, D]`: for each text, then for each negative
   * prompt. For a prior that does (`Prior.takesInitEmbed`).
   */
  readonly initEmbed?: Tensor | undefined;
  /** With `initEmbed`: the share of the steps that run, the last ones, rounded down. Default 1. */
  readonly strength?: number | undefined;
  /** Candidates for each text. The one most similar to the text is kept. Default 2. */
  readonly numSamplesPerBatch?: number | undefined;
  readonly noise: NoiseSource;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: OnStep | undefined;
}

/** What decides, beside the settings, how often a prior evaluates its network. */
export interface PriorRun {
  /** If it starts from an image embedding: see `PriorSampling.strength`. Default 1. */
  readonly strength?: number | undefined;
}

/** Samples image embeddings for texts (Ramesh et al. 2022, section 2.2). */
export interface Prior {
  /** Width of the embeddings of images, and of texts unless `textEmbedDim` says otherwise. */
  readonly imageEmbedDim: number;
  readonly textEmbedDim?: number | undefined;
  /** For the longest text. */
  readonly textShape: TextShape;
  /**
   * The text of the null branch of guidance, which callers encode and pass as `negative` if there is no negative prompt.
   * Default: null embeddings of its own.
   */
  readonly nullText?: string | undefined;
  /** Candidates for each text, if a call does not say. Default 2. */
  readonly numSamplesPerBatch?: number | undefined;
  /**
   * True if the embeddings that decoders are guided away from come from the run of the texts: see `PriorSampling.embedsNegative`.
   * Otherwise callers sample negative prompts in a run of their own, without guidance.
   */
  readonly embedsNegative?: boolean | undefined;
  /**
   * False if scripts pass negative prompts to the decoder alone, as the reference does. Default true: they take the place of
   * `nullText` in the prior, too.
   */
  readonly takesNegative?: boolean | undefined;
  /** True if a run can start from an image embedding: see `PriorSampling.initEmbed`. */
  readonly takesInitEmbed?: boolean | undefined;

  /** The settings asked for, completed by those that the prior was trained with. */
  settings(asked?: AskedSettings): NetworkSettings;

  /**
   * Throws before anything is computed: `ArgumentError` for an invalid number of steps, `SamplingError` if guidance is not
   * possible.
   */
  check(asked: AskedSettings, run?: PriorRun): void;

  /** How often `sample` evaluates the network. */
  evaluations(asked?: AskedSettings, run?: PriorRun): number;

  /**
   * The approximate number of multiplications of one evaluation for one embedding. It predicts the time of a network that has
   * not run yet, compared with one that has. Default: not known.
   */
  cost?(asked?: AskedSettings): number;

  /** Samples image embeddings for texts, `[B, D]` row by row, in the scale of CLIP. Rejects as `check` throws. */
  sample(arena: Arena, sampling: PriorSampling): Promise<Float32Array>;
}

export interface CascadeStage {
  readonly info: StageInfo;

  /** The settings asked for, completed by those that the stage was trained with. */
  settings(asked?: AskedSettings): NetworkSettings;

  /**
   * Throws before anything is computed if the stage cannot sample with these settings: `ArgumentError` for an invalid number
   * of steps, `SamplingError` if it was not trained or does not support guidance, inpainting or that batch size.
   */
  check(settings: NetworkSettings, batch?: number, inpaints?: boolean): void;

  /** How often it evaluates its networks. Throws `SamplingError` if it was not trained. */
  evaluations(asked?: AskedSettings, run?: StageRun): number;

  /** The cost of one evaluation for one image, as for a prior. */
  cost?(asked?: AskedSettings): number;
}

/** What decides, beside the settings, how often a stage evaluates its networks. */
export interface StageRun {
  /** For inpainting: how often each step is repeated. Default 1. */
  readonly resampleTimes?: number | undefined;
  /** If it starts from an image: see `CascadeSampling.initImage`. Default 1. */
  readonly strength?: number | undefined;
}

/** The condition of the null branch of guidance. */
export interface NegativeCondition {
  readonly imageEmbed?: Tensor | undefined;
  readonly textEncodings?: Tensor | undefined;
  readonly textEmbed?: Tensor | undefined;
  readonly textMask?: TextMaskRows | undefined;
}

/** A step of a cascade: `step` of `steps` of the stage with that number, counted from 1. */
export interface CascadeProgress {
  readonly unetNumber: number;
  readonly step: number;
  readonly steps: number;
}

/**
 * Runs `body` while the weights of a component are on the GPU; it must not use another one meanwhile. `body` gets the model
 * and the arena to compute with, which may have another dtype. If it rejects, it may run once more, and must then use the
 * same noise.
 */
export type UseComponent<Model> = <T>(
  component: string,
  body: (model: Model, arena: Arena) => Promise<T>,
) => Promise<T>;

/** The part of a call that decides which stages run, and how. Settings are for all stages, or one for each. */
export interface CascadeCall extends CascadeSettings {
  /**
   * How much noise is added to the image embeddings, from 0 to below `StageInfo.noiseLevels`; more makes images less like them. For a
   * decoder that was trained with it. Default 0.
   */
  readonly noiseLevel?: number | undefined;
  /** First stage to run, counted from 1. If it is more than 1, `image` is the start image. */
  readonly startAtUnetNumber?: number | undefined;
  readonly stopAtUnetNumber?: number | undefined;
}

/** The inputs and settings of a cascade. */
export interface CascadeSampling<Model> extends CascadeCall {
  /** `[B, D]`: embeddings of the wanted images. Not needed by an unconditional decoder or a separate upsampler. */
  readonly imageEmbed?: Tensor | undefined;
  /** `[B, L, W]`, zero where there is no text. Needed if a stage was trained with text. */
  readonly textEncodings?: Tensor | undefined;
  /** Which of them are text. Default: all, or in some families the rows that are not zero. Not every family uses it. */
  readonly textMask?: TextMaskRows | undefined;
  /** `[B, D]`: embeddings of the texts. Needed if a stage takes them (`StageInfo.takesTextEmbed`), with `textMask`. */
  readonly textEmbed?: Tensor | undefined;
  /** The null branch of guidance, for as many images. Default: the null embeddings. */
  readonly negative?: NegativeCondition | undefined;
  /** f32 `[B, side, side, C]` in [0, 1]. */
  readonly image?: Tensor | undefined;
  /**
   * Height and width of the images in pixels, for a decoder that generates images of many sizes (`StageInfo.sizeUnit`). Default: squares of
   * the stage's own size.
   */
  readonly size?: readonly [height: number, width: number] | undefined;
  /**
   * f32 `[B, H, W, C]` in [0, 1]: what the images follow, such as maps of depths, in the size of the images. For a decoder that was trained
   * with such hints (`StageInfo.takesHint`), and needed there.
   */
  readonly hint?: Tensor | undefined;
  /**
   * f32 `[B, side, side, C]` in [0, 1], at the side of the first stage or, if it has several sizes, at the size of the images. That stage starts from this image with noise added to
   * the level of the first step that runs, not from noise alone (SDEdit, Meng et al. 2021). Later stages enlarge its result.
   */
  readonly initImage?: Tensor | undefined;
  /**
   * With `initImage`: the share of the first stage's steps that run, the last ones, rounded down. 1 runs all steps from noise
   * alone, as without the image. If no step is left, the stage returns the image.
   */
  readonly strength?: number | undefined;
  /** f32 `[B, side, side, C]` in [0, 1]. `inpaintMask` says what to keep. */
  readonly inpaintImage?: Tensor | undefined;
  /** f32 `[B, side, side, 1]`: not zero where `inpaintImage` is kept. */
  readonly inpaintMask?: Tensor | undefined;
  /** How often to repeat each sampling step when inpainting (Lugmayr et al. 2022). Default 5. */
  readonly inpaintResampleTimes?: number | undefined;
  /** Number of images, if no tensor has a batch size. Default 1. */
  readonly batchSize?: number | undefined;
  readonly noise: NoiseSource;
  /** Loads the weights of each component while it computes. Default: all are already on the GPU. */
  readonly use?: UseComponent<Model> | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: CascadeProgress) => void) | undefined;
  /** Called with the images in progress (predicted x0), f32 `[B, side, side, C]` in [0, 1], unclamped. */
  readonly preview?: Preview | undefined;
}

/** How a reference resizes what a decoder starts from. */
export interface ImagePreparation {
  image(image: RgbImage, size: readonly [height: number, width: number]): RgbImage;
  /** A mask of an image of this size: true or 1 where it is kept. */
  mask(
    mask: ArrayLike<boolean | number>,
    image: Pick<RgbImage, "width" | "height">,
    size: readonly [height: number, width: number],
  ): ArrayLike<boolean | number>;
}

/** The text encoder that a decoder brings with it. */
export interface CascadeTextEncoder {
  /** Its component among those of the decoder. */
  readonly component: string;
  readonly encoder: TextEncoder;
}

/** Generates images from image embeddings, one stage after the other (Ho et al. 2022). */
export interface Cascade {
  readonly stages: readonly CascadeStage[];
  /** Channels of the images. */
  readonly channels: number;
  /** How the reference rounds the values of images to bytes. Default: down. */
  readonly byteRounding?: ByteRounding | undefined;
  /**
   * How initial images, and images and masks for inpainting, are resized before they are passed to it. Default: initial images by
   * LANCZOS; the others not at all.
   */
  readonly preparation?: ImagePreparation | undefined;
  /** True if it gives each image of a batch the embeddings of all, so that images must be computed one at a time. */
  readonly mixesBatch: boolean;
  /**
   * The text of the null branch of guidance, as for a prior. Its null image embeddings are its own: a negative prompt takes the
   * place of this text, and gets no image embeddings. It also stands for the text of a call without one.
   */
  readonly nullText?: string | undefined;
  /** Encodes the texts of its stages, which it was trained with. Default: they are encoded as for the prior (`Encoders.text`). */
  readonly textEncoder?: CascadeTextEncoder | undefined;
  /**
   * True if its null image embedding is that of no image (`ImageEncoder.embedNull`), which callers pass as `negative` to a guided call
   * without a negative prompt. Default false: it has one of its own.
   */
  readonly takesNullImage?: boolean | undefined;

  /**
   * Samples images f32 `[B, side, side, C]` in [0, 1], unclamped. The caller disposes them. Rejects with `ArgumentError` or
   * `SamplingError` before anything is computed if it cannot sample with these settings. `use` returns this model, or the
   * same model in another dtype.
   */
  sample(arena: Arena, sampling: CascadeSampling<this>): Promise<Tensor>;
}

/** True if any stage takes text encodings. */
export function takesText({ stages }: Pick<Cascade, "stages">): boolean {
  return stages.some(({ info }) => info.takesText);
}
