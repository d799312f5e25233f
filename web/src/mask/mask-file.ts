// Masks as image files.
import { makeImage, maskFromImage, type Image, type MaskChannel, type RgbImage } from "dalle2-webgpu";
import type { Size } from "./areas.js";

/** What of a mask image says whether a pixel is kept. */
export const CHANNELS: readonly { readonly id: MaskChannel; readonly label: string }[] = [
  { id: "luma", label: "Bright parts are kept" },
  { id: "alpha", label: "Opaque parts are kept" },
  { id: "red", label: "Red and white parts are kept" },
];

/** The channel that is the mask, as far as one can tell: what varies. Transparency has the first word, as in OpenAI's masks. */
export function likelyChannel(image: Image): MaskChannel {
  const order: readonly MaskChannel[] = ["alpha", "red", "luma"];
  return order.find((channel) => isVaried(read(image, channel))) ?? "red";
}

/**
 * Reads a mask for the square in the middle of an image. A mask with the proportions of the whole image is cropped as it was;
 * any other is stretched. Nearest neighbours: a mask has no values in between. Returns 1 where pixels are kept.
 */
export function readMask(image: Image, channel: MaskChannel, square: Size, whole: Size): Uint8Array {
  const values = read(image, channel);
  const isWhole = Math.abs(image.width / image.height - whole.width / whole.height) < 0.01;
  const side = Math.min(image.width, image.height);
  const [columns, rows] = isWhole ? [side, side] : [image.width, image.height];
  const left = Math.floor((image.width - columns) / 2);
  const top = Math.floor((image.height - rows) / 2);
  const kept = new Uint8Array(square.width * square.height);
  for (let y = 0; y < square.height; y++) {
    const row = (top + Math.floor(((y + 0.5) * rows) / square.height)) * image.width + left;
    for (let x = 0; x < square.width; x++) {
      const source = row + Math.floor(((x + 0.5) * columns) / square.width);
      kept[y * square.width + x] = values[source] ? 1 : 0;
    }
  }
  return kept;
}

/** The mask as an image: white where it is kept, black where it is generated. `dalle2 inpaint` reads it. */
export function maskImage({ width, height, kept }: Size & { readonly kept: Uint8Array }): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (const [i, value] of kept.entries()) data.fill(value === 1 ? 255 : 0, i * 3, i * 3 + 3);
  return makeImage(width, height, 3, data);
}

function read(image: Image, channel: MaskChannel): boolean[] {
  // Which channel it is is shown, and can be changed: no warning is needed.
  return maskFromImage(image, { channel, onWarning: () => undefined });
}

function isVaried(values: readonly boolean[]): boolean {
  return values.some((value) => value !== values[0]);
}
