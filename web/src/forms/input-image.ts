// Images that a person gives: from files, the clipboard, or the history.
import { centerCropToSquare, type Image, type RgbImage } from "dalle2-webgpu";
import type { Engine } from "../engine/engine.js";

/** A side above which images are made smaller: no model reads or generates larger ones. */
export const MOST_SIDE = 1024;

/** The same for hints, which some models read in four times the size of their images. */
const MOST_HINT_SIDE = 2048;

/** An image for a model. */
export interface InputImage {
  readonly id: string;
  /** The square in the middle, at most `MOST_SIDE` a side; of a hint, all of it. */
  readonly pixels: RgbImage;
  /** The whole image, for `<img>`. */
  readonly url: string;
  readonly name: string;
  /** Size of the whole image. */
  readonly width: number;
  readonly height: number;
}

/** Reads an image file. Rejects with `Dalle2Error`. */
export async function readInputImage(
  engine: Pick<Engine, "decodeImage" | "resize">,
  file: Blob,
  name: string,
): Promise<InputImage> {
  const whole = await engine.decodeImage(file);
  const pixels = await smaller(engine, onWhite(centerCropToSquare(whole)), MOST_SIDE);
  return inputImage(file, name, whole, pixels);
}

/** Reads the file of a hint. Rejects with `Dalle2Error`. */
export async function readHint(
  engine: Pick<Engine, "decodeImage" | "resize">,
  file: Blob,
  name: string,
): Promise<InputImage> {
  const whole = await engine.decodeImage(file);
  return inputImage(file, name, whole, await smaller(engine, onWhite(whole), MOST_HINT_SIDE));
}

function inputImage(file: Blob, name: string, { width, height }: Image, pixels: RgbImage): InputImage {
  return { id: crypto.randomUUID(), pixels, url: URL.createObjectURL(file), name, width, height };
}

/** The image, with no side longer than `most`. */
async function smaller(engine: Pick<Engine, "resize">, image: RgbImage, most: number): Promise<RgbImage> {
  const scale = most / Math.max(image.width, image.height);
  if (scale >= 1) return image;
  const [width, height] = [image.width, image.height].map((side) => Math.max(Math.round(side * scale), 1));
  return engine.resize(image, width!, height!);
}

/** Blends an image with white, as pages show it. */
export function onWhite({ width, height, channels, data }: Image): RgbImage {
  if (channels === 3) return { width, height, channels, data };
  const colours = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const alpha = data[pixel * 4 + 3]! / 255;
    for (let i = 0; i < 3; i++) colours[pixel * 3 + i] = Math.round(data[pixel * 4 + i]! * alpha + 255 * (1 - alpha));
  }
  return { width, height, channels: 3, data: colours };
}
