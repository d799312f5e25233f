import { checkFinite } from "../diffusion/sampling-error.js";
import { fromPlanes, type ByteRounding, type RgbImage } from "../image/image.js";
import type { Tensor } from "../tensor/tensor.js";
import type { NoiseOrigin } from "./randomness.js";

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Options of a script by name, as JSON. */
export type JsonOptions = Readonly<Record<string, Json | undefined>>;

/**
 * What an image was generated with: the options of `run` that change the image, under their names, with defaults filled in.
 * Binary options (images, masks) and numbers of images are left out.
 */
export interface ImageParameters extends JsonOptions {
  /** Class name of the script. */
  readonly script: string;
  /** The `id` of the tuning table that chose the kernels. */
  readonly tuning: string;
}

/** An image that a script generated. */
export interface GeneratedImage extends RgbImage, NoiseOrigin {
  /** The options that it was generated with. */
  readonly parameters: ImageParameters;
}

/**
 * Removes the options that are undefined, as JSON does.
 *
 * @internal
 */
export function defined(options: JsonOptions): JsonOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/**
 * Reads images `[B, H, W, 3]` in [0, 1] from the GPU. `rounding` is that of their cascade. Rejects with `NotFiniteError`.
 *
 * @internal
 */
export async function readImages(images: Tensor, rounding?: ByteRounding): Promise<RgbImage[]> {
  const [batch = 0, height = 0, width = 0, channels = 0] = images.shape;
  const planes = await images.arena.readNchw(images);
  checkFinite({ component: "the decoder", dtype: images.arena.dtype, what: "an image" }, planes);
  return fromPlanes(planes, [batch, channels, height, width], rounding);
}
