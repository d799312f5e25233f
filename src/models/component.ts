import type { WeightStore } from "../weights/weight-store.js";

/** A part of a model whose weights are loaded together: an encoder of CLIP, a prior, or a network of a cascade. */
export interface Component {
  /** Its name in messages. */
  readonly name: string;
  readonly weights: WeightStore;
}

/** Names of the two encoders of CLIP. */
export const TEXT_ENCODER = "CLIP's text encoder";
export const IMAGE_ENCODER = "CLIP's image encoder";

/** Name of the text encoder that belongs to a decoder. */
export const DECODER_TEXT_ENCODER = "the decoder's text encoder";

/** What messages call a prior. */
export const PRIOR_NAME = "the prior";
