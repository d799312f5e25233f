// How images and masks are resized for the decoder, as Pillow does it for the reference.
import type { RgbImage } from "../../../image/image.js";
import { resizeLanczos } from "../../../image/pillow-resize.js";
import { resizeBicubicReduced } from "../../../image/reduced-resize.js";
import type { Size } from "../../diffusers/latents/latents.js";

/** Resizes an image to start from, or to inpaint. */
export function prepareImage(image: RgbImage, [height, width]: Size): RgbImage {
  return resizeBicubicReduced(image, width, height);
}

/** The least byte of a mask that counts as white. */
const WHITE = 128;

/**
 * Resizes a grey mask in which white is generated, as the reference has them. Returns 1 for each pixel that is kept, else 0.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/kandinsky2_2/pipeline_kandinsky2_2_inpainting.py#L129-L236
 */
export function keptPixels(grey: RgbImage, [height, width]: Size): Uint8Array {
  const { data } = resizeLanczos(grey, width, height);
  return Uint8Array.from({ length: height * width }, (_, pixel) => (data[3 * pixel]! < WHITE ? 1 : 0));
}

/** The same for a mask that says which pixels of an image are kept. */
export function prepareMask(
  mask: ArrayLike<boolean | number>,
  { width, height }: Pick<RgbImage, "width" | "height">,
  size: Size,
): Uint8Array {
  const data = new Uint8Array(3 * width * height);
  for (let pixel = 0; pixel < width * height; pixel++) if (!mask[pixel]) data.fill(255, 3 * pixel, 3 * pixel + 3);
  return keptPixels({ width, height, channels: 3, data }, size);
}
