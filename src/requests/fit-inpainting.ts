import type { RgbImage } from "../image/image.js";
import type { ImageRequest } from "./request.js";

/** Resizes an image, to a size with Pillow's LANCZOS. */
export type Resize = (image: RgbImage, width: number, height: number) => Promise<RgbImage>;

/**
 * Brings image and mask of inpainting to the size of the model. The library keeps pixels of an image that has this size as
 * they are; of others, it would keep one pixel of many. Other requests are returned as they are.
 */
export async function fitInpainting(
  request: ImageRequest,
  side: number | undefined,
  resize: Resize,
): Promise<ImageRequest> {
  const { parameters, images, mask } = request;
  const [image] = images;
  if (parameters.task !== "inpaint" || !image || !mask || side === undefined || image.width === side) return request;
  return { ...request, images: [await resize(image, side, side)], mask: fitMask(mask, image.width, side) };
}

/** Resizes a square mask. What lies partly in what is generated is generated: nothing of it is left. */
export function fitMask(mask: Uint8Array, side: number, newSide: number): Uint8Array {
  const fitted = new Uint8Array(newSide * newSide).fill(1);
  // The pixels that overlap pixel i, from the first up to the end.
  const first = (i: number): number => Math.floor((i * side) / newSide);
  const end = (i: number): number => Math.ceil(((i + 1) * side) / newSide);
  for (let y = 0; y < newSide; y++) {
    for (let x = 0; x < newSide; x++) {
      for (let row = first(y); row < end(y); row++) {
        const start = row * side;
        if (mask.subarray(start + first(x), start + end(x)).includes(0)) fitted[y * newSide + x] = 0;
      }
    }
  }
  return fitted;
}
