// Pillow's resizing with `reducing_gap`, in a file of its own because only some models need it.
import { BICUBIC } from "./filters.js";
import type { RgbImage } from "./image.js";
import { checkSize, resizeBicubic, resizePasses } from "./pillow-resize.js";

/**
 * Same as Pillow's `image.resize((width, height), Image.BICUBIC, reducing_gap=1)`: what shrinks by 2 or more is first shrunk by whole
 * numbers, to the mean of each block of pixels.
 * @see https://github.com/python-pillow/Pillow/blob/bb1d8e8ab8d29048624d96e3ee53cecf7c13d13d/src/PIL/Image.py#L2340-L2354
 */
export function resizeBicubicReduced(image: RgbImage, width: number, height: number): RgbImage {
  checkSize(width, height);
  const [across, down] = [Math.floor(image.width / width) || 1, Math.floor(image.height / height) || 1];
  if (across === 1 && down === 1) return resizeBicubic(image, width, height);
  const shown = { width: image.width / across, height: image.height / down };
  return resizePasses(reduce(image, across, down), width, height, BICUBIC, shown);
}

/**
 * The mean of each block of pixels. Blocks at the right and lower edge may have fewer.
 * @see https://github.com/python-pillow/Pillow/blob/bb1d8e8ab8d29048624d96e3ee53cecf7c13d13d/src/libImaging/Reduce.c#L11-L105
 */
function reduce(image: RgbImage, across: number, down: number): RgbImage {
  const [width, height] = [Math.ceil(image.width / across), Math.ceil(image.height / down)];
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const rows = Math.min(down, image.height - y * down);
    for (let x = 0; x < width; x++) {
      const columns = Math.min(across, image.width - x * across);
      for (let channel = 0; channel < 3; channel++) {
        const first = (y * down * image.width + x * across) * 3 + channel;
        data[(y * width + x) * 3 + channel] = meanOfBlock(image, first, rows, columns);
      }
    }
  }
  return { ...image, width, height, data };
}

/** Rounded half up, by a multiplication in 24-bit fixed point. */
function meanOfBlock({ data, width }: RgbImage, first: number, rows: number, columns: number): number {
  const count = rows * columns;
  let sum = Math.floor(count / 2);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) sum += data[first + (row * width + column) * 3]!;
  }
  return Math.floor((sum * Math.trunc(2 ** 24 / count)) / 2 ** 24);
}
