import type { AddedKeyUnetOptions } from "./config/added-key-unet-config.js";
import type { PriorOptions } from "./config/prior-config.js";
import type { TransformerUnetOptions } from "./config/transformer-unet-config.js";
import type { UnetOptions } from "./config/unet-config.js";

// Multiplications of one evaluation for one sample, without guidance. Norms and activations are left out.

/** Multiplications of a prior's network. */
export function priorCost({ heads, dimHead, layers, textTokens, additionalTokens }: PriorOptions): number {
  const inner = heads * dimHead;
  const tokens = textTokens + additionalTokens;
  // Four projections of attention and two of the feed-forward, four times as wide; scores and their sums.
  return layers * (tokens * (4 + 8) * inner ** 2 + 2 * tokens ** 2 * inner);
}

/** Multiplications of a U-Net with added keys for a sample with this side, and for a context of `contextTokens`. */
export function addedKeyUnetCost(options: AddedKeyUnetOptions, side: number, contextTokens: number): number {
  const { attendsDown, attendsUp, contextOnly, midContextOnly, widths } = options;
  const attention = (width: number, pixels: number, isAlone: boolean | undefined): number => {
    const keys = contextTokens + (isAlone ? 0 : pixels);
    return pixels * ((isAlone ? 2 : 4) * width ** 2 + 2 * keys * width);
  };
  return unetCost(options, side, {
    down: (i, pixels) => (attendsDown[i] ? attention(widths[i]!, pixels, contextOnly[i]) : 0),
    middle: (pixels) => attention(widths.at(-1)!, pixels, midContextOnly),
    up: (i, pixels) => (attendsUp[widths.length - 1 - i] ? attention(widths[i]!, pixels, contextOnly[i]) : 0),
  });
}

/** Multiplications of a U-Net with transformers for a sample with this side, and for a context of `contextTokens`. */
export function transformerUnetCost(options: TransformerUnetOptions, side: number, contextTokens: number): number {
  const { attendsDown, attendsUp, widths, blocks } = options;
  // In a block two attentions have six projections of the pixels, and the feed-forward twelve times the width; two lie around the blocks.
  const transformer = (i: number, pixels: number): number => {
    const width = widths[i]!;
    const block = (6 + 12) * width ** 2 + 2 * (pixels + contextTokens) * width;
    return pixels * (2 * width ** 2 + blocks[i]! * block);
  };
  const last = widths.length - 1;
  return unetCost(options, side, {
    down: (i, pixels) => (attendsDown[i] ? transformer(i, pixels) : 0),
    middle: (pixels) => transformer(last, pixels),
    up: (i, pixels) => (attendsUp[last - i] ? transformer(i, pixels) : 0),
  });
}

/** Multiplications of one attention at a resolution. */
export interface AttentionCost {
  down(resolution: number, pixels: number): number;
  middle(pixels: number): number;
  up(resolution: number, pixels: number): number;
}

/** Kernel elements of the convolutions. */
const KERNEL = 9;

/** Multiplications of a U-Net for a sample with this side. */
export function unetCost(
  { widths, layers, channelsIn, channelsOut }: UnetOptions,
  side: number,
  attention: AttentionCost,
) {
  const last = widths.length - 1;
  const pixelsAt = (i: number): number => (side / 2 ** i) ** 2;
  const block = (from: number, to: number, pixels: number): number =>
    pixels * (KERNEL * (from + to) * to + (from === to ? 0 : from * to));
  let total = pixelsAt(0) * KERNEL * widths[0]! * (channelsIn + channelsOut);
  for (const [i, width] of widths.entries()) {
    const [pixels, count] = [pixelsAt(i), layers[i]!];
    const widthIn = widths[i - 1] ?? width;
    const below = widths[i + 1] ?? width;
    total += block(widthIn, width, pixels) + (count - 1) * block(width, width, pixels);
    total += count * attention.down(i, pixels);
    // On the way up, each block also reads a kept feature map; the last one that of the larger resolution.
    const joined = Array.from(
      { length: count + 1 },
      (_, j) => (j === 0 ? below : width) + (j < count ? width : widthIn),
    );
    for (const from of joined) total += block(from, width, pixels) + attention.up(i, pixels);
    // Blocks between two resolutions compute at the one that they lead to.
    if (i < last) total += block(width, width, pixelsAt(i + 1)) + block(below, below, pixels);
  }
  const [width, pixels] = [widths[last]!, pixelsAt(last)];
  return total + 2 * block(width, width, pixels) + attention.middle(pixels);
}
