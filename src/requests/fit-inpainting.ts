import type { RgbImage } from "../image/image.js";
import type { ImageSize } from "../pipeline/canvas-options.js";
import type { DecoderInfo } from "../pipeline/manager/model-info.js";
import type { ImageRequest } from "./request.js";
import { imageSizeOf } from "./request-canvas.js";

/** Resizes an image, to a size with Pillow's LANCZOS. */
export type Resize = (image: RgbImage, width: number, height: number) => Promise<RgbImage>;

/**
 * Brings image and mask of inpainting to the size of the images that a model generates for the request. The library keeps pixels of an
 * image that has this size as they are; of others, it would keep one pixel of many. Other requests are returned as they are.
 */
export async function fitInpainting(
  request: ImageRequest,
  decoder: Pick<DecoderInfo, "unets"> | undefined,
  resize: Resize,
): Promise<ImageRequest> {
  const { parameters, images, mask } = request;
  const [image] = images;
  const size = parameters.task === "inpaint" ? imageSizeOf(decoder, request) : undefined;
  if (!image || !mask || size === undefined) return request;
  const { width, height } = size;
  if (image.width === width && image.height === height) return request;
  const fitted = { ...request, images: [await resize(image, width, height)], mask: fitMask(mask, image, size) };
  const next = imageSizeOf(decoder, fitted);
  // Proportions that were rounded to multiples may be rounded once more, to others.
  if (next?.width === width && next.height === height) return fitted;
  return { ...fitted, parameters: { ...parameters, size } };
}

/** Resizes a mask; a number is the side of a square. What lies partly in what is generated is generated: nothing of it is left. */
export function fitMask(mask: Uint8Array, size: number | ImageSize, newSize: number | ImageSize): Uint8Array {
  const [from, to] = [sizeOf(size), sizeOf(newSize)];
  const fitted = new Uint8Array(to.width * to.height).fill(1);
  for (let y = 0; y < to.height; y++) {
    const [top, bottom] = overlapped(y, from.height, to.height);
    for (let x = 0; x < to.width; x++) {
      const [left, right] = overlapped(x, from.width, to.width);
      for (let row = top; row < bottom; row++) {
        const start = row * from.width;
        if (mask.subarray(start + left, start + right).includes(0)) fitted[y * to.width + x] = 0;
      }
    }
  }
  return fitted;
}

/** The pixels of a line of `length` that overlap pixel `i` of the same line with `newLength`: from the first up to the end. */
function overlapped(i: number, length: number, newLength: number): readonly [first: number, end: number] {
  return [Math.floor((i * length) / newLength), Math.ceil(((i + 1) * length) / newLength)];
}

function sizeOf(size: number | ImageSize): ImageSize {
  return typeof size === "number" ? { width: size, height: size } : size;
}
