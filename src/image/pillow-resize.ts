/**
 * Resizing that equals Pillow's `Image.resize` (src/libImaging/Resample.c) bit by bit: antialiased, separable, with
 * coefficients in 22-bit fixed point, rounded to 8 bits between the horizontal and the vertical pass.
 */
import { ArgumentError } from "../platform/arguments.js";
import { BICUBIC, BILINEAR, LANCZOS, tapsOf, type Filter } from "./filters.js";
import type { Image, RgbImage } from "./image.js";

/** Same as Pillow's `image.resize((width, height), Image.LANCZOS)`. */
export function resizeLanczos<I extends Image>(image: I, width: number, height: number): I {
  return resize(image, width, height, LANCZOS);
}

/** Same as Pillow's `image.resize((width, height), Image.BICUBIC)`. */
export function resizeBicubic<I extends Image>(image: I, width: number, height: number): I {
  return resize(image, width, height, BICUBIC);
}

/**
 * Same as Pillow's `image.resize((width, height), Image.BICUBIC, reducing_gap=1)`: what shrinks by 2 or more is first shrunk by whole
 * numbers, to the mean of each block of pixels.
 * @see https://github.com/python-pillow/Pillow/blob/bb1d8e8ab8d29048624d96e3ee53cecf7c13d13d/src/PIL/Image.py#L2340-L2354
 */
export function resizeBicubicReduced(image: RgbImage, width: number, height: number): RgbImage {
  checkSize(width, height);
  const [across, down] = [Math.floor(image.width / width) || 1, Math.floor(image.height / height) || 1];
  if (across === 1 && down === 1) return resize(image, width, height, BICUBIC);
  const shown = { width: image.width / across, height: image.height / down };
  return resizePasses(reduce(image, across, down), width, height, BICUBIC, shown);
}

/** Same as Pillow's `image.resize((width, height), Image.BILINEAR)`. */
export function resizeBilinear<I extends Image>(image: I, width: number, height: number): I {
  return resize(image, width, height, BILINEAR);
}

function resize<I extends Image>(image: I, width: number, height: number, filter: Filter): I {
  checkSize(width, height);
  if (width === image.width && height === image.height) return image;
  if (image.channels === 3) return resizePasses(image, width, height, filter);
  return unpremultiply(resizePasses(premultiply(image), width, height, filter));
}

function checkSize(width: number, height: number): void {
  if (isSize(width) && isSize(height)) return;
  throw new ArgumentError("width", `The size of an image must be whole numbers above 0, got ${width} × ${height}.`);
}

function isSize(size: number): boolean {
  return Number.isInteger(size) && size > 0;
}

/** The part of an image from its upper left corner that the result shows. */
type Shown = Pick<Image, "width" | "height">;

function resizePasses<I extends Image>(
  image: I,
  width: number,
  height: number,
  filter: Filter,
  shown: Shown = image,
): I {
  const isSame = (size: number, source: number, length: number): boolean => size === source && length === source;
  const wide = isSame(width, image.width, shown.width) ? image : resizeRows(image, width, filter, shown.width);
  if (isSame(height, image.height, shown.height)) return wide;
  return transpose(resizeRows(transpose(wide), height, filter, shown.height));
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

const PRECISION = 22;
const HALF = 1 << (PRECISION - 1);

function toFixedPoint(weight: number): number {
  return Math.trunc(weight * 2 ** PRECISION + (weight < 0 ? -0.5 : 0.5));
}

/** @see https://github.com/python-pillow/Pillow/blob/bb1d8e8ab8d29048624d96e3ee53cecf7c13d13d/src/libImaging/Resample.c#L288-L388 */
function resizeRows<I extends Image>(image: I, width: number, filter: Filter, shownWidth: number): I {
  const { height, channels, data: source } = image;
  const taps = tapsOf(image.width, width, filter, Math.fround(shownWidth)).map(({ first, weights }) => ({
    first,
    weights: weights.map(toFixedPoint),
  }));
  const data = new Uint8Array(width * height * channels);
  let at = 0;
  for (let y = 0; y < height; y++) {
    const row = y * image.width;
    for (const { first, weights } of taps) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = HALF;
        for (let k = 0; k < weights.length; k++) sum += source[(row + first + k) * channels + channel]! * weights[k]!;
        data[at++] = clampToByte(sum >> PRECISION);
      }
    }
  }
  return { ...image, width, data };
}

function transpose<I extends Image>(image: I): I {
  const { width, height, channels, data: source } = image;
  const data = new Uint8Array(source.length);
  let at = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      const pixel = (y * width + x) * channels;
      for (let channel = 0; channel < channels; channel++) data[at++] = source[pixel + channel]!;
    }
  }
  return { ...image, width: height, height: width, data };
}

function clampToByte(value: number): number {
  return Math.min(Math.max(value, 0), 255);
}

// Pillow weights colours by alpha, so that colours of transparent pixels do not bleed.
function premultiply<I extends Image>(image: I): I {
  return mapColours(image, (colour, alpha) => {
    const product = colour * alpha + 128;
    return ((product >> 8) + product) >> 8;
  });
}

function unpremultiply<I extends Image>(image: I): I {
  return mapColours(image, (colour, alpha) =>
    alpha === 0 || alpha === 255 ? colour : clampToByte(Math.trunc((255 * colour) / alpha)),
  );
}

function mapColours<I extends Image>(image: I, convert: (colour: number, alpha: number) => number): I {
  const data = image.data.map((value, i, all) => (i % 4 === 3 ? value : convert(value, all[i - (i % 4) + 3]!)));
  return { ...image, data };
}
