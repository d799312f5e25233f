import type { Weights } from "../../weights/store.js";
import type { ImageEncoder, TextEncoder } from "../interfaces.js";

/**
 * The root of a CLIP's state dict, once for its text encoder and once for its image encoder, which are loaded separately.
 */
export interface ClipWeights {
  readonly text: Weights;
  readonly image: Weights;
}

/**
 * What prior and decoder need from a CLIP of any make (Radford et al. 2021). Its text embeddings have unit length, except
 * those of CoCa.
 */
export interface ClipModel extends TextEncoder, ImageEncoder {
  /** Width of the common space of texts and images. */
  readonly dimLatent: number;
}
