import { LayerNorm } from "../../../nn/layer-norm.js";
import { activate, add } from "../../../ops/elementwise.js";
import { concatTokens } from "../../../ops/layout.js";
import { ShapeError } from "../../../ops/shape-error.js";
import type { Tensor, TensorArena } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { Architecture } from "./architecture.js";
import { ImageCondition } from "./image-condition.js";
import type { TextMask } from "../text-mask.js";
import { TextCondition } from "./text-condition.js";
import { TimeCondition } from "./time-condition.js";

/** What a U-Net is conditioned on besides the time. It takes what it was trained with and ignores the rest. */
export interface UnetCondition {
  /** CLIP image embedding `[B, imageEmbedDim]`. */
  readonly imageEmbed?: Tensor | undefined;
  /** CLIP text encodings `[B, L, textEmbedDim]`; rows of zeros are padding. */
  readonly textEncodings?: Tensor | undefined;
  /** Which of them are text: for versions before 0.21.1, to which rows of zeros are text too. */
  readonly textMask?: TextMask | undefined;
  /** The smaller picture `[B, H, W, channels]` in [-1, 1], already of this U-Net's size. */
  readonly lowresCondImg?: Tensor | undefined;
  /** How far `lowresCondImg` was noised, in steps of 1000, per sample. */
  readonly lowresNoiseLevel?: readonly number[] | undefined;
  /** The previous estimate of the clean picture `[B, H, W, channels]`; zeros by default. */
  readonly selfCond?: Tensor | undefined;
  /** What guidance leads away from, in place of the learned nulls; of what is left out here, the null stays. */
  readonly negative?: NegativeCondition | undefined;
}

/** A condition of the null branch of guidance. */
export type NegativeCondition = Pick<UnetCondition, "imageEmbed" | "textEncodings" | "textMask">;

/** Per sample 1 to keep a condition or 0 to put its learned null in its place (Ho & Salimans 2022). */
export interface Keep {
  readonly image: readonly number[];
  readonly text: readonly number[];
  /** Batches, one behind the other, of which each is one for the reference. Default 1. */
  readonly branches?: number;
}

/** Conditions as the layers take them. */
export interface Conditions {
  /** `[B, timeCondDim]` after SiLU, as every residual block begins with it. */
  readonly time: Tensor;
  /** `[B, L, condDim]`: time and image, for the way down and up. */
  readonly tokens: Tensor;
  /** The same with the text behind, for the middle. */
  readonly midTokens: Tensor;
}

/** Turns what the U-Net is conditioned on into a vector and tokens. */
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
    // The reference makes these whether or not it uses them.
    if (!this.#image) weights.ignore("null_image_embed");
    if (!this.#image || unet.imageCondition.vector !== "nulled") weights.ignore("null_image_hiddens");
    if (!this.#text) weights.ignore("null_text_embed");
    this.#norm = new LayerNorm(weights.at("norm_cond"), condDim);
    this.#midNorm = new LayerNorm(weights.at("norm_mid_cond"), condDim);
  }

  forward(arena: TensorArena, times: readonly number[], condition: UnetCondition, keep: Keep): Conditions {
    return arena.scope(() => {
      const time = this.#time.forward(arena, times, condition.lowresNoiseLevel);
      const tokens = [time.tokens];
      let { vector } = time;
      if (this.#image) {
        const { imageEmbed } = condition;
        if (!imageEmbed) throw new ShapeError("Unet.forward", "imageEmbed", "absent", [times.length, "imageEmbedDim"]);
        const image = this.#image.forward(imageEmbed, keepMask(arena, keep.image), keep.branches ?? 1);
        if (image.vector) vector = add(vector, image.vector);
        tokens.push(image.tokens);
      }
      const text =
        this.#text && condition.textEncodings
          ? [this.#text.forward(condition.textEncodings, condition.textMask, keepMask(arena, keep.text))]
          : [];
      return {
        time: activate(vector, "silu"),
        tokens: this.#norm.forward(concatTokens(tokens)),
        midTokens: this.#midNorm.forward(concatTokens([...tokens, ...text])),
      };
    });
  }
}

function keepMask(arena: TensorArena, keep: readonly number[]): Tensor {
  return arena.from(keep, [keep.length], "u32");
}
