import { add, multiply } from "../../ops/elementwise.js";
import { resizeCubic } from "../../ops/resize.js";
import { ShapeError } from "../../ops/shape-error.js";
import type { Tensor } from "../../tensor/tensor.js";

/**
 * Square images `[batch, side, side, channels]`, f32, resized to `size` as DALLE2-pytorch's adapters do. Throws `ShapeError`
 * for images that are not square, or smaller than `size`.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L205-L208
 */
export function sizedImage(image: Tensor, size: number, channels: number): Tensor {
  const [batch = 0, height, width = 0] = image.shape;
  const fits = image.shape.length === 4 && height === width && width >= size && image.channels === channels;
  if (!fits || image.dtype !== "f32") {
    const expected = [batch, `>= ${size}`, "the same", `${channels} (f32)`];
    throw new ShapeError("embedImage", `image (${image.dtype})`, image.shape, expected);
  }
  return width === size ? image : resizeCubic(image, [size, size]);
}

/** Mean and standard deviation of each channel in the training images. */
export interface ImageStatistics {
  readonly imageMean: readonly number[];
  readonly imageStd: readonly number[];
}

/** Images f32 `[..., channels]` with each channel normalised to mean 0 and standard deviation 1. */
export function normalisedImage(image: Tensor, { imageMean, imageStd }: ImageStatistics): Tensor {
  const scale = imageStd.map((std) => 1 / std);
  const shift = imageMean.map((mean, c) => -mean * scale[c]!);
  const { arena } = image;
  const ofChannels = (values: readonly number[]): Tensor => arena.from(values, [values.length], "f32");
  return add(multiply(image, ofChannels(scale)), ofChannels(shift));
}
