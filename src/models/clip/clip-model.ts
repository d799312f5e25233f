import type { Tensor } from "../../tensor/tensor.js";

/** A text as CLIP sees it. The caller disposes both tensors. */
export interface TextEmbedding {
  /** `[batch, dimLatent]`, f32, of unit length. */
  readonly textEmbed: Tensor;
  /** `[batch, contextLength, width]`: every token after the last layer; zero where there is no text. */
  readonly textEncodings: Tensor;
}

/** What prior and decoder need of a CLIP of any make (Radford et al. 2021). */
export interface ClipModel {
  /** Side in pixels of the square image that the image encoder takes. */
  readonly imageSize: number;
  /** Tokens in a text. */
  readonly contextLength: number;
  /** Width of the space that texts and images share. */
  readonly dimLatent: number;

  /** Embeds rows of tokens. Longer rows are cut, shorter ones filled with zeros. */
  embedText(tokens: readonly Int32Array[], options?: { readonly signal?: AbortSignal }): Promise<TextEmbedding>;

  /** Embeds images `[batch, side, side, 3]` in [0, 1], f32, of any side from `imageSize` on: `[batch, dimLatent]`, f32. */
  embedImage(image: Tensor): Tensor;
}
