import type { PriorOptions } from "./config/prior-config.js";
import type { UnetOptions } from "./config/unet-config.js";

/** Kernel elements of the convolutions in residual blocks. */
const KERNEL = 9;

/** Multiplications of the prior's network for one embedding, roughly: those of its layers' projections. */
export function priorCost({ heads, dimHead, layers, textTokens, additionalTokens }: PriorOptions): number {
  const inner = heads * dimHead;
  // Four projections of attention, and two of the feed-forward layer, which is four times as wide.
  return (textTokens + additionalTokens) * layers * 12 * inner ** 2;
}

/**
 * Multiplications of a U-Net for one image of that side, roughly: those of its residual blocks, with the skips behind the
 * channels on the way up.
 */
export function unetCost({ widths, layers }: UnetOptions, side: number): number {
  return widths.reduce((total, width, i) => {
    const blocks = (layers[i] ?? 1) + 1;
    return total + (side / 2 ** i) ** 2 * width ** 2 * KERNEL * 2 * blocks * 3;
  }, 0);
}
