import type { WeightStore } from "../weights/weight-store.js";

/** A part of the models whose weights are on the GPU together: an encoder of CLIP, a prior, or a network of a cascade. */
export interface Component {
  /** As messages call it. */
  readonly name: string;
  readonly weights: WeightStore;
}

/** Names of the halves of CLIP. */
export const TEXT_ENCODER = "CLIP's text encoder";
export const IMAGE_ENCODER = "CLIP's image encoder";

/** What messages call a prior. */
export const PRIOR_NAME = "the prior";
