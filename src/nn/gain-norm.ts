import type { Weights } from "../weights/store.js";
import { LayerNorm } from "./layer-norm.js";

/** How a layer norm with a gain and no bias is stored and computed. */
export interface GainNormOptions {
  /** Name of the gain: `gamma`, beside which lies a `beta` of zeros that is not read; or `g`. */
  readonly gain: "gamma" | "g";
  /** Whether values are first divided by their (signed) maximum over the normalised axis. */
  readonly stable: boolean;
}

/**
 * A layer norm that has a gain and no bias.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L689-L705
 */
export function gainNorm(weights: Weights, dim: number, { gain, stable }: GainNormOptions): LayerNorm {
  if (gain === "gamma") weights.ignore("beta");
  return new LayerNorm(weights, dim, { parameters: { gain }, stable });
}
