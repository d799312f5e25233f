import { ArgumentError } from "../platform/arguments.js";

/** 8-bit images: rows of interleaved channels, top to bottom. */

/** An 8-bit image with 3 or 4 channels. */
export interface ByteImage<Channels extends 3 | 4> {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** `height` × `width` × `channels` values, 0 to 255. */
  readonly data: Uint8Array;
  /** 3: red, green, blue; 4: also alpha. */
  readonly channels: Channels;
}

/** An image in sRGB. */
export type RgbImage = ByteImage<3>;

/** An image in sRGB with straight (not premultiplied) alpha. Files are decoded to this form. */
export type RgbaImage = ByteImage<4>;

/** An image with or without alpha. */
export type Image = RgbImage | RgbaImage;

/**
 * Creates an image from existing pixels. Throws ArgumentError unless `data` has `width` × `height` × `channels` bytes.
 */
export function makeImage<C extends 3 | 4>(width: number, height: number, channels: C, data: Uint8Array): ByteImage<C> {
  if (data.length !== width * height * channels) {
    throw new ArgumentError(
      "data",
      `An image of ${width} × ${height} pixels with ${channels} channels needs ${width * height * channels} bytes, got ${data.length}.`,
      { code: "argument/mismatch" },
    );
  }
  return { width, height, channels, data };
}

/**
 * Drops the alpha channel like Pillow's `convert("RGB")`: colours do not change, not even those of transparent pixels.
 */
export function removeAlpha({ width, height, channels, data }: Image): RgbImage {
  if (channels === 3) return { width, height, channels, data };
  const colours = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    colours.set(data.subarray(pixel * 4, pixel * 4 + 3), pixel * 3);
  }
  return { width, height, channels: 3, data: colours };
}

/**
 * Crops to the largest square in the middle, like dalle2-laion's `center_crop_to_square`. If the margin is odd, the
 * extra pixel is at the bottom or right.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/utils.py#L46-L58
 */
export function centerCropToSquare<I extends Image>(image: I): I {
  const size = Math.min(image.width, image.height);
  const left = Math.floor((image.width - size) / 2);
  const top = Math.floor((image.height - size) / 2);
  return crop(image, left, top, size, size);
}

/**
 * Crops the middle of an image like the transformers library's `center_crop`. If the margin is odd, the extra pixel is at the
 * bottom or right. Pixels outside of the image are black.
 */
export function cropCentre(image: RgbImage, width: number, height: number): RgbImage {
  const left = Math.floor((image.width - width) / 2);
  const top = Math.floor((image.height - height) / 2);
  return crop(image, left, top, width, height);
}

/** A part of an image, which may reach beyond it. Pixels outside are 0. */
function crop<I extends Image>(image: I, left: number, top: number, width: number, height: number): I {
  const { channels } = image;
  const data = new Uint8Array(width * height * channels);
  const [start, end] = [Math.max(left, 0), Math.min(left + width, image.width)];
  for (let y = Math.max(top, 0); y < Math.min(top + height, image.height); y++) {
    const row = y * image.width;
    const pixels = image.data.subarray((row + start) * channels, (row + end) * channels);
    data.set(pixels, ((y - top) * width + start - left) * channels);
  }
  return { ...image, width, height, data };
}

/** Converts to values in [0, 1], planes `[3, height, width]`, like torchvision's `ToTensor`. */
export function toPlanes(image: RgbImage): Float32Array {
  const pixels = image.width * image.height;
  const planes = new Float32Array(pixels * 3);
  for (let channel = 0; channel < 3; channel++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      planes[channel * pixels + pixel] = image.data[pixel * 3 + channel]! / 255;
    }
  }
  return planes;
}

/** How values become bytes: fractions are dropped, or rounded to the nearest byte, halves to the even one. */
export type ByteRounding = "down" | "nearest";

/**
 * Converts values `[batch, 3, height, width]`, nominally in [0, 1], to images. By default drops fractions like torchvision's
 * `ToPILImage`, but clamps first: `ToPILImage` turns 1.01 into almost black. Throws ArgumentError for another shape.
 */
export function fromPlanes(
  values: Float32Array,
  shape: readonly [number, number, number, number],
  rounding: ByteRounding = "down",
): RgbImage[] {
  const [batch, channels, height, width] = shape;
  if (channels !== 3 || values.length !== batch * 3 * height * width) {
    throw new ArgumentError(
      "values",
      `Images need values of shape [batch, 3, height, width], got ${values.length} values of shape [${shape.join(", ")}].`,
      { code: "argument/mismatch" },
    );
  }
  const size = 3 * height * width;
  return Array.from({ length: batch }, (_, i) =>
    fromOnePlane(values.subarray(i * size, (i + 1) * size), width, height, ROUNDINGS[rounding]),
  );
}

const ROUNDINGS: Readonly<Record<ByteRounding, (value: number) => number>> = {
  down: Math.trunc,
  nearest: (value) => {
    const below = Math.floor(value);
    return value - below === 0.5 ? below + (below % 2) : Math.round(value);
  },
};

function fromOnePlane(planes: Float32Array, width: number, height: number, round: (value: number) => number): RgbImage {
  const pixels = width * height;
  const data = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const value = Math.min(Math.max(planes[channel * pixels + pixel]!, 0), 1);
      data[pixel * 3 + channel] = round(Math.fround(value * 255));
    }
  }
  return { width, height, channels: 3, data };
}
