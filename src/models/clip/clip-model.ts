import type { Arena } from "../../tensor/arena.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";

/** The root of a CLIP's state dict, as seen by its text encoder and by its image encoder: they are loaded apart. */
export interface ClipWeights {
  readonly text: Weights;
  readonly image: Weights;
}

/** Texts as CLIP sees them. The caller disposes both tensors. */
export interface TextEmbedding {
  /** `[batch, dimLatent]`, f32, of unit length (but for CoCa). */
  readonly textEmbed: Tensor;
  /** `[batch, length, width]`: every token after the last layer; zero where there is no text. */
  readonly textEncodings: Tensor;
  /** For each text 1 or 0 for each of its encodings: 0 is padding. Priors and decoders of old versions go by it. */
  readonly textMask: readonly (readonly number[])[];
}

/** What prior and decoder need of a CLIP of any make (Radford et al. 2021). */
export interface ClipModel {
  /** Side in pixels of the square image that the image encoder takes. */
  readonly imageSize: number;
  /** Most tokens in a text. */
  readonly contextLength: number;
  /** Width of the space that texts and images share. */
  readonly dimLatent: number;
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

  /** Embeds images `[batch, side, side, channels]` in [0, 1], f32, of any side from `imageSize` on: `[batch, dimLatent]`, f32. */
  embedImage(image: Tensor): Tensor;
}
