import { checkFinite } from "../diffusion/sampling-error.js";
import { fromPlanes, type RgbImage } from "../image/image.js";
import type { Tensor } from "../tensor/tensor.js";
import type { NoiseOrigin } from "./randomness.js";

/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Options of a script by name, as plain JSON. */
export type JsonOptions = Readonly<Record<string, Json | undefined>>;

/**
 * What an image was drawn with: the options of its script's `run` that tell on it, by their names there, defaults written
 * out. Options that hold binary data, as images and masks do, and counts of images are left out.
 */
export interface ImageParameters extends JsonOptions {
  /** Class of the script. */
  readonly script: string;
}

/** An image that a script has drawn. */
export interface GeneratedImage extends RgbImage, NoiseOrigin {
  /** What it was generated with. */
  readonly parameters: ImageParameters;
}

/**
 * Without the options that are undefined, as JSON has them.
 *
 * @internal
 */
export function defined(options: JsonOptions): JsonOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/**
 * Reads images `[B, H, W, 3]` in [0, 1].
 *
 * @internal
 */
export async function readImages(images: Tensor): Promise<RgbImage[]> {
  const [batch = 0, height = 0, width = 0, channels = 0] = images.shape;
  const planes = await images.arena.readNchw(images);
  checkFinite({ component: "the decoder", dtype: images.arena.dtype, what: "an image" }, planes);
  return fromPlanes(planes, [batch, channels, height, width]);
}
