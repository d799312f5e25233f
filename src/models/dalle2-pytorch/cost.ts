import type { PriorNetOptions, UnetOptions } from "./options.js";

/** Kernel elements of the convolutions in residual blocks. */
const KERNEL = 9;

/**
 * Multiplications of a U-Net for one image, roughly: those of its residual blocks. Each stage has them on the way down, and
 * on the way up with the skips behind the channels.
 */
export function unetCost({ dim, dimMults, numResnetBlocks, memoryEfficient }: UnetOptions, imageSize: number): number {
  return dimMults.reduce((total, mult, i) => {
    const side = imageSize / 2 ** (memoryEfficient ? i + 1 : i);
    const blocks = (numResnetBlocks[i] ?? 1) + 1;
    return total + side ** 2 * (dim * mult) ** 2 * KERNEL * 2 * blocks * 3;
  }, 0);
}

/** Multiplications of the network of a prior for one embedding, roughly: those of its layers' projections. */
export function priorNetCost({ dim, depth, heads, dimHead, ffMult, maxTextLen }: PriorNetOptions): number {
  const attention = 2 * dim * heads * dimHead;
  const feedForward = 3 * ffMult * dim ** 2;
  return maxTextLen * depth * (attention + feedForward);
}
