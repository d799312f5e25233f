import type { RgbImage } from "../image/image.js";
import type { Mask } from "./script-options.js";

/**
 * An image that was drawn around what `mask` keeps of `image`, with exactly those bytes in it: on their way through the
 * sampler they are rounded. Where sizes differ, pixels are those that the sampler took, the nearest neighbours.
 */
export function keepPixels<P extends RgbImage>(generated: P, image: RgbImage, mask: Mask): P {
  const data = generated.data.slice();
  const columns = nearest(image.width, generated.width);
  for (const [y, row] of nearest(image.height, generated.height).entries()) {
    for (const [x, column] of columns.entries()) {
      const source = row * image.width + column;
      if (!mask[source]) continue;
      data.set(image.data.subarray(source * 3, source * 3 + 3), (y * generated.width + x) * 3);
    }
  }
  return { ...generated, data };
}

/** For each of `size` places the one of `sourceSize` that torch's nearest neighbours take, in its single precision. */
function nearest(sourceSize: number, size: number): number[] {
  const scale = Math.fround(sourceSize / size);
  return Array.from({ length: size }, (_, i) => Math.min(Math.floor(Math.fround(i * scale)), sourceSize - 1));
}
