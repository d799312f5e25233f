/**
 * Resizing that equals Pillow's `Image.resize` (src/libImaging/Resample.c) bit by bit: antialiased, separable, with
 * coefficients in 22-bit fixed point, rounded to 8 bits between the horizontal and the vertical pass.
 */
import { ArgumentError } from "../platform/arguments.js";
import { BICUBIC, BILINEAR, LANCZOS, tapsOf, type Filter } from "./filters.js";
import type { Image } from "./image.js";

/** Same as Pillow's `image.resize((width, height), Image.LANCZOS)`. */
export function resizeLanczos<I extends Image>(image: I, width: number, height: number): I {
  return resize(image, width, height, LANCZOS);
}

/** Same as Pillow's `image.resize((width, height), Image.BICUBIC)`. */
export function resizeBicubic<I extends Image>(image: I, width: number, height: number): I {
  return resize(image, width, height, BICUBIC);
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

/** Throws `ArgumentError` unless both sides are whole numbers above 0. */
export function checkSize(width: number, height: number): void {
  if (isSize(width) && isSize(height)) return;
  throw new ArgumentError("width", `The size of an image must be whole numbers above 0, got ${width} × ${height}.`);
}

function isSize(size: number): boolean {
  return Number.isInteger(size) && size > 0;
}

/** The part of an image from its upper left corner that the result shows. */
type Shown = Pick<Image, "width" | "height">;

/** Resizes an image, or the part of it that is `shown`, first across and then down. */
export function resizePasses<I extends Image>(
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
