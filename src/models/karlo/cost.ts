import { unetCost } from "../diffusers/cost.js";
import type { SuperResolutionOptions } from "./config/super-resolution-config.js";

/** Multiplications of a super-resolution U-Net for an image with this side. */
export function superResolutionCost(options: SuperResolutionOptions, side: number): number {
  const width = options.widths.at(-1)!;
  return unetCost(options, side, {
    down: () => 0,
    middle: (pixels) => (options.attention ? pixels * (4 * width ** 2 + 2 * pixels * width) : 0),
    up: () => 0,
  });
}
