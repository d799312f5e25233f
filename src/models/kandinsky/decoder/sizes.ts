import type { Size } from "../../diffusers/latents/latents.js";

/**
 * The size of the latents of an image that is generated: so large that the image is not smaller than asked, and a multiple of the
 * latents' own scale.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/kandinsky2_2/pipeline_kandinsky2_2.py#L76-L83
 */
export function generatedLatents([height, width]: Size, scale: number): Size {
  const unit = scale ** 2;
  return [Math.ceil(height / unit) * scale, Math.ceil(width / unit) * scale];
}

/** Side of the latents that the reference generates by default. */
export const DEFAULT_LATENT_SIDE = 64;

/** Images that are generated have sides that are multiples of this: their latents are, of their own scale, and the U-Net halves them. */
export function sizeUnit({ widths }: { readonly widths: readonly number[] }, scale: number): number {
  return scale * Math.max(scale, 2 ** (widths.length - 1));
}
