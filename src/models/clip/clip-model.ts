import type { Weights } from "../../weights/store.js";
import type { ImageEncoder, TextEncoder } from "../interfaces.js";

/** The root of a CLIP's state dict, as seen by its text encoder and by its image encoder: they are loaded apart. */
export interface ClipWeights {
  readonly text: Weights;
  readonly image: Weights;
}

/** What prior and decoder need of a CLIP of any make (Radford et al. 2021). Its text embeddings are of unit length, but for CoCa. */
export interface ClipModel extends TextEncoder, ImageEncoder {
  /** Width of the space that texts and images share. */
  readonly dimLatent: number;
}
