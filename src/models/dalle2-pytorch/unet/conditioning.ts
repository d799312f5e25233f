import { LayerNorm } from "../../../nn/layer-norm.js";
import { activate, add } from "../../../ops/elementwise.js";
import { concatTokens } from "../../../ops/layout.js";
import { ShapeError } from "../../../ops/shape-error.js";
import type { PassTimes, StepInputs } from "../../../ops/step-inputs.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { Architecture } from "./architecture.js";
import { ImageCondition } from "./image-condition.js";
import type { TextMask } from "../text-mask.js";
import { TextCondition } from "./text-condition.js";
import { TimeCondition, type PreparedTime } from "./time-condition.js";

/** The condition of a U-Net, besides the time. It uses what it was trained with and ignores the rest. */
export interface UnetCondition {
  /** CLIP image embedding `[B, imageEmbedDim]`. */
  readonly imageEmbed?: Tensor | undefined;
  /** CLIP text encodings `[B, L, textEmbedDim]`; rows of zeros are padding. */
  readonly textEncodings?: Tensor | undefined;
  /** Which of them are text: for versions before 0.21.1, which treat rows of zeros as text. */
  readonly textMask?: TextMask | undefined;
  /** The smaller image `[B, H, W, channels]` in [-1, 1], already resized for this U-Net. */
  readonly lowresCondImg?: Tensor | undefined;
  /** Noise level of `lowresCondImg` for each sample, in steps of 1000. */
  readonly lowresNoiseLevel?: readonly number[] | undefined;
  /** The negative condition of guidance, in place of the null embeddings. Fields that are left out stay null. */
  readonly negative?: NegativeCondition | undefined;
}

/** The condition of the null branch of guidance. */
export type NegativeCondition = Pick<UnetCondition, "imageEmbed" | "textEncodings" | "textMask">;

/** For each sample 1 to keep a condition, or 0 to replace it by its null embedding (Ho & Salimans 2022). */
export interface Keep {
  readonly image: readonly number[];
  readonly text: readonly number[];
  /** Number of batches, one after the other, each of which is a batch in the reference. Default 1. */
  readonly branches?: number;
}

/** The inputs of a run that are the same in every pass, except the time. */
export interface UnetRun {
  readonly batch: number;
  readonly times: PassTimes;
  readonly condition: UnetCondition;
  /** Default: all conditions are kept. */
  readonly keep?: Keep | undefined;
}

/** The parts of the conditions that are the same in every pass. */
export interface PreparedConditions {
  readonly time: PreparedTime;
  /** `[B, timeCondDim]`, added to the time. */
  readonly vector: Tensor | undefined;
  /** `[B, L, condDim]` */
  readonly image: Tensor | undefined;
  readonly text: Tensor | undefined;
}

/** Conditions in the form that the layers take. */
export interface Conditions {
  /** `[B, timeCondDim]` after SiLU, with which every residual block begins. */
  readonly time: Tensor;
  /** `[B, L, condDim]`: time and image, for the way down and up. */
  readonly tokens: Tensor;
  /** The same followed by the text, for the middle. */
  readonly midTokens: Tensor;
}

/**
 * Turns the condition of a U-Net into a vector and tokens.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2205-L2309
 */
export class Conditioning {
  readonly #time: TimeCondition;
  readonly #image: ImageCondition | undefined;
  readonly #text: TextCondition | undefined;
  readonly #norm: LayerNorm;
  readonly #midNorm: LayerNorm;

  constructor(weights: Weights, unet: Architecture) {
    const { imageEmbedDim, textEmbedDim, condDim } = unet;
    this.#time = new TimeCondition(weights, unet);
    if (unet.condOnImageEmbeds && imageEmbedDim !== null) {
      this.#image = new ImageCondition(weights, imageEmbedDim, unet);
    }
    if (unet.condOnTextEncodings && textEmbedDim !== null) {
      this.#text = new TextCondition(weights, textEmbedDim, unet);
    }
    // The reference has these parameters even if it does not use them.
    if (!this.#image) weights.ignore("null_image_embed");
    if (!this.#image || unet.imageCondition.vector !== "nulled") weights.ignore("null_image_hiddens");
    if (!this.#text) weights.ignore("null_text_embed");
    this.#norm = new LayerNorm(weights.at("norm_cond"), condDim);
    this.#midNorm = new LayerNorm(weights.at("norm_mid_cond"), condDim);
  }

  /** Uploads and computes what all passes of a run share. */
  prepare(inputs: StepInputs, { batch, times, condition, keep = keepAll(batch) }: UnetRun): PreparedConditions {
    const { arena } = inputs;
    const time = this.#time.prepare(inputs, batch, times, condition.lowresNoiseLevel);
    const { imageEmbed, textEncodings, textMask } = condition;
    if (this.#image && !imageEmbed) {
      throw new ShapeError("Unet.prepare", "imageEmbed", "absent", [batch, "imageEmbedDim"]);
    }
    const mask = (values: readonly number[]): Tensor => arena.from(values, [batch], "u32");
    return arena.scope(() => {
      const image = imageEmbed && this.#image?.forward(arena.share(imageEmbed), mask(keep.image), keep.branches ?? 1);
      const text = textEncodings && this.#text?.forward(arena.share(textEncodings), textMask, mask(keep.text));
      return { time, vector: image?.vector, image: image?.tokens, text };
    });
  }

  /** The conditions in the current pass. */
  forward({ time: preparedTime, vector, image, text }: PreparedConditions): Conditions {
    return preparedTime.sinusoids.rows.arena.scope(() => {
      const time = this.#time.forward(preparedTime);
      const tokens = image ? [time.tokens, image] : [time.tokens];
      return {
        time: activate(vector ? add(time.vector, vector) : time.vector, "silu"),
        tokens: this.#norm.forward(concatTokens(tokens)),
        midTokens: this.#midNorm.forward(concatTokens(text ? [...tokens, text] : tokens)),
      };
    });
  }
}

function keepAll(batch: number): Keep {
  const all = new Array<number>(batch).fill(1);
  return { image: all, text: all };
}
