import type { WeightStore } from "../../weights/weight-store.js";

/** A part of the models whose weights are on the GPU together: an encoder of CLIP, the prior's network, or a U-Net. */
export interface Component {
  /** As messages call it. */
  readonly name: string;
  readonly weights: WeightStore;
}

/** Names of the halves of CLIP. */
export const TEXT_ENCODER = "CLIP's text encoder";
export const IMAGE_ENCODER = "CLIP's image encoder";
