// What the pipeline sees of models, whatever their family.

import type { OnStep, Preview } from "../diffusion/denoise.js";
import type { NoiseSource } from "../diffusion/noise.js";
import type { AskedSettings, CascadeSettings, NetworkSettings } from "../diffusion/settings.js";
import type { Arena } from "../tensor/arena.js";
import type { Tensor } from "../tensor/tensor.js";
import type { StageInfo, TextShape } from "./stage-info.js";

/** For each text 1 or 0 for each of its encodings: 0 is padding. */
export type TextMaskRows = readonly (readonly number[])[];

/** Texts as a text encoder sees them. The caller disposes both tensors. */
export interface TextEmbedding {
  /** `[batch, dimLatent]`, f32. */
  readonly textEmbed: Tensor;
  /** `[batch, length, width]`: every token after the last layer; zero where there is no text. */
  readonly textEncodings: Tensor;
  readonly textMask: TextMaskRows;
}

/** What encodes texts for priors and decoders: mostly half of a CLIP (Radford et al. 2021). */
export interface TextEncoder {
  /** Most tokens in a text. */
  readonly contextLength: number;
  /** How its training cut texts into tokens: `openai` with a start and an end token, `bare` without. */
  readonly tokenization: "openai" | "bare";

  /**
   * Embeds rows of tokens. Rows longer than the context are cut, shorter ones filled with zeros. In a dry run nothing is
   * read from the file.
   */
  embedText(
    arena: Arena,
    tokens: readonly Int32Array[],
    options?: { readonly signal?: AbortSignal },
  ): Promise<TextEmbedding>;
}

/** What embeds images for decoders: mostly the other half of a CLIP. */
export interface ImageEncoder {
  /** Side in pixels of the square image that it takes. */
  readonly imageSize: number;

  /** Embeds images `[batch, side, side, channels]` in [0, 1], f32, of any side from `imageSize` on: `[batch, dimLatent]`, f32. */
  embedImage(image: Tensor): Tensor;
}

/** Texts as a prior takes them. */
export interface PriorText {
  /** `[B, D]`, as the text encoder gives it. */
  readonly textEmbed: Tensor;
  /** `[B, L, D]`, zero where there is no text. Ignored by a prior that was trained without. */
  readonly textEncodings?: Tensor | undefined;
  /** Which encodings are text. Default: rows that are not zero. Not every prior reads it. */
  readonly textMask?: TextMaskRows | undefined;
}

/** What a prior is asked for; settings that are left out are its own. */
export interface PriorSampling extends PriorText, AskedSettings {
  /** The negative prompts, for as many texts. Default: the null that the prior learned. */
  readonly negative?: PriorText | undefined;
  /** Candidates for each text, of which the one most similar to the text is kept. Default 2. */
  readonly numSamplesPerBatch?: number | undefined;
  readonly noise: NoiseSource;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: OnStep | undefined;
}

/** Makes image embeddings of texts (Ramesh et al. 2022, section 2.2). */
export interface Prior {
  /** Width of the embeddings of texts and images. */
  readonly imageEmbedDim: number;
  /** Of the longest text. */
  readonly textShape: TextShape;

  /** What is asked for, and of what is not, what the prior was trained for. */
  settings(asked?: AskedSettings): NetworkSettings;

  /** Throws before anything is computed: `ArgumentError` for steps that it has not, `SamplingError` where it cannot be guided. */
  check(asked: AskedSettings): void;

  /** How often `sample` evaluates the network. */
  evaluations(asked?: AskedSettings): number;

  /**
   * Multiplications of one evaluation for one embedding, roughly: tells how slow a network will be that has not run yet, in
   * comparison with one that has. Default: not known.
   */
  cost?(asked?: AskedSettings): number;

  /** Image embeddings for texts, `[B, D]` row by row, in the scale of CLIP. Rejects as `check` throws. */
  sample(arena: Arena, sampling: PriorSampling): Promise<Float32Array>;
}

export interface CascadeStage {
  readonly info: StageInfo;

  /** What is asked for, and of what is not, what the stage was trained for. */
  settings(asked?: AskedSettings): NetworkSettings;

  /**
   * Throws before anything is computed where the stage cannot sample so: `ArgumentError` for steps that it has not,
   * `SamplingError` where it was not trained, or cannot be guided, inpaint or take a batch of that size.
   */
  check(settings: NetworkSettings, batch?: number, inpaints?: boolean): void;

  /** How often it evaluates its networks. Throws `SamplingError` if it was not trained. */
  evaluations(asked?: AskedSettings, run?: StageRun): number;

  /** As that of a prior, for one image. */
  cost?(asked?: AskedSettings): number;
}

/** What beside settings says how often a stage evaluates its networks. */
export interface StageRun {
  /** Where it inpaints, how often each step is taken. Default 1. */
  readonly resampleTimes?: number | undefined;
  /** Where it starts from an image: see `CascadeSampling.initImage`. Default 1. */
  readonly strength?: number | undefined;
}

/** A condition of the null branch of guidance. */
export interface NegativeCondition {
  readonly imageEmbed?: Tensor | undefined;
  readonly textEncodings?: Tensor | undefined;
}

/** A step of a cascade: `step` of `steps` of the stage with that number, counted from 1. */
export interface CascadeProgress {
  readonly unetNumber: number;
  readonly step: number;
  readonly steps: number;
}

/**
 * Runs `body` while the weights of a component are on the GPU; it must not use another meanwhile. `body` is given the model
 * and the arena to compute with, which may be those of another type; where it rejects, it may be run once more, and must draw
 * the same noise again.
 */
export type UseComponent<Model> = <T>(
  component: string,
  body: (model: Model, arena: Arena) => Promise<T>,
) => Promise<T>;

/** What of a call tells which stages run, and how; settings for all, or for each. */
export interface CascadeCall extends CascadeSettings {
  /** First stage to run, counted from 1; with more than 1, `image` is what it starts from. */
  readonly startAtUnetNumber?: number | undefined;
  readonly stopAtUnetNumber?: number | undefined;
}

/** What a cascade is asked for. */
export interface CascadeSampling<Model> extends CascadeCall {
  /** `[B, D]`: embeddings of the images wanted; not needed by an unconditional decoder or an upsampler alone. */
  readonly imageEmbed?: Tensor | undefined;
  /** `[B, L, W]`, zero where there is no text; needed where a stage was trained with text. */
  readonly textEncodings?: Tensor | undefined;
  /** Which of them are text. Default: rows that are not zero. Not every family reads it. */
  readonly textMask?: TextMaskRows | undefined;
  /** What stands in the null branch of guidance, for as many images; default: what was learned for dropped conditions. */
  readonly negative?: NegativeCondition | undefined;
  /** f32 `[B, side, side, C]` in [0, 1]. */
  readonly image?: Tensor | undefined;
  /**
   * f32 `[B, side, side, C]` in [0, 1], of the first stage's side: it starts from this image, noised to the level of the
   * first step that is run, and not from noise alone (SDEdit, Meng et al. 2021). Later stages enlarge its result as usual.
   */
  readonly initImage?: Tensor | undefined;
  /**
   * With `initImage`: the share of the first stage's steps that is run, the last ones of its time grid, rounded down. 1 runs
   * all of them from noise alone, as without the image; where no step is left, the stage gives the image back.
   */
  readonly strength?: number | undefined;
  /** f32 `[B, side, side, C]` in [0, 1], of which `inpaintMask` says what is kept. */
  readonly inpaintImage?: Tensor | undefined;
  /** f32 `[B, side, side, 1]`: not zero where `inpaintImage` is kept. */
  readonly inpaintMask?: Tensor | undefined;
  /** How often each step is taken when inpainting (Lugmayr et al. 2022). Default 5. */
  readonly inpaintResampleTimes?: number | undefined;
  /** Number of images, where no tensor tells. Default 1. */
  readonly batchSize?: number | undefined;
  readonly noise: NoiseSource;
  /** Has the weights of each component on the GPU while it computes. Default: they are there. */
  readonly use?: UseComponent<Model> | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: CascadeProgress) => void) | undefined;
  /** Takes the images that a stage is making, f32 `[B, side, side, C]` in [0, 1], unclamped. */
  readonly preview?: Preview | undefined;
}

/** Makes images of image embeddings, by one stage after the other (Ho et al. 2022). */
export interface Cascade {
  readonly stages: readonly CascadeStage[];
  /** Channels of the images that it makes. */
  readonly channels: number;
  /** Whether it gives each image of a batch the embeddings of all, so that images have to be computed one at a time. */
  readonly mixesBatch: boolean;

  /**
   * Images f32 `[B, side, side, C]` in [0, 1], unclamped. The caller disposes them. Rejects with
   * `ArgumentError` or `SamplingError` before anything is computed where it cannot sample so. `use` gives it itself, or the same model in another type.
   */
  sample(arena: Arena, sampling: CascadeSampling<this>): Promise<Tensor>;
}

/** Whether any stage takes text encodings. */
export function takesText({ stages }: Pick<Cascade, "stages">): boolean {
  return stages.some(({ info }) => info.takesText);
}
