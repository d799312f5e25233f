import type { KeptImage } from "../gallery/kept-image.js";

/** Size, seed and time of an image, in one line. */
export function sayImage({ width, height, parameters, seconds }: KeptImage): string {
  return `${String(width)} × ${String(height)} · seed ${String(parameters.seed)} · ${seconds.toFixed(1)} s`;
}
