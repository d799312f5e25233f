import { ArgumentError } from "../platform/arguments.js";

/** 8-bit images as rows of interleaved channels, top to bottom, and what loading and saving images needs of them. */

/** ByteImage with so many channels. */
export interface ByteImage<Channels extends 3 | 4> {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** `height` × `width` × `channels` values, 0 to 255. */
  readonly data: Uint8Array;
  /** 3: red, green, blue; 4: alpha too. */
  readonly channels: Channels;
}

/** An image in sRGB. */
export type RgbImage = ByteImage<3>;

/** An image in sRGB with straight (not premultiplied) alpha, as files are decoded to. */
export type RgbaImage = ByteImage<4>;

/** An image, opaque or not. */
export type Image = RgbImage | RgbaImage;

/** Wraps pixels that are there already. Throws ArgumentError where their number is not `width` × `height` × `channels`. */
export function makeImage<C extends 3 | 4>(width: number, height: number, channels: C, data: Uint8Array): ByteImage<C> {
  if (data.length !== width * height * channels) {
    throw new ArgumentError(
      "data",
      `${data.length} bytes are no image of ${width} × ${height} pixels with ${channels} channels`,
      { code: "argument/mismatch" },
    );
  }
  return { width, height, channels, data };
}

/** Drops the alpha channel as Pillow's `convert("RGB")` does: colours stay, also of transparent pixels. */
export function removeAlpha({ width, height, channels, data }: Image): RgbImage {
  if (channels === 3) return { width, height, channels, data };
  const colours = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    colours.set(data.subarray(pixel * 4, pixel * 4 + 3), pixel * 3);
  }
  return { width, height, channels: 3, data: colours };
}

/**
 * The largest square in the middle (dalle2-laion's `center_crop_to_square`; the extra pixel of an odd rest is below or right).
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/utils.py#L46-L58
 */
export function centerCropToSquare<I extends Image>(image: I): I {
  const size = Math.min(image.width, image.height);
  const left = Math.floor((image.width - size) / 2);
  const top = Math.floor((image.height - size) / 2);
  return crop(image, left, top, size);
}

function crop<I extends Image>(image: I, left: number, top: number, size: number): I {
  const { width, channels } = image;
  const data = new Uint8Array(size * size * channels);
  for (let y = 0; y < size; y++) {
    const start = ((top + y) * width + left) * channels;
    data.set(image.data.subarray(start, start + size * channels), y * size * channels);
  }
  return { ...image, width: size, height: size, data };
}

/** torchvision's `ToTensor`: values in [0, 1], planes `[3, height, width]`. */
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

/**
 * Images from values `[batch, 3, height, width]`, nominally in [0, 1]. Like torchvision's `ToPILImage` it cuts the
 * fraction off; unlike it, it clamps first (there, 1.01 wraps round to nearly black).
 */
export function fromPlanes(values: Float32Array, shape: readonly [number, number, number, number]): RgbImage[] {
  const [batch, channels, height, width] = shape;
  if (channels !== 3 || values.length !== batch * 3 * height * width) {
    throw new ArgumentError(
      "values",
      `${values.length} values of shape [${shape.join(", ")}] are no [batch, 3, height, width]`,
      { code: "argument/mismatch" },
    );
  }
  const size = 3 * height * width;
  return Array.from({ length: batch }, (_, i) =>
    fromOnePlane(values.subarray(i * size, (i + 1) * size), width, height),
  );
}

function fromOnePlane(planes: Float32Array, width: number, height: number): RgbImage {
  const pixels = width * height;
  const data = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const value = Math.min(Math.max(planes[channel * pixels + pixel]!, 0), 1);
      data[pixel * 3 + channel] = Math.trunc(Math.fround(value * 255));
    }
  }
  return { width, height, channels: 3, data };
}
