import type { RgbImage } from "../image/image.js";
import type { Mask } from "./script-options.js";

/**
 * Puts the pixels of `image` that `mask` keeps into the inpainted image, because the sampler rounds them. If sizes differ,
 * pixels are the nearest neighbours that the sampler used.
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

/** For each of `size` positions, the nearest of `sourceSize` positions, in single precision as in torch. */
function nearest(sourceSize: number, size: number): number[] {
  const scale = Math.fround(sourceSize / size);
  return Array.from({ length: size }, (_, i) => Math.min(Math.floor(Math.fround(i * scale)), sourceSize - 1));
}
