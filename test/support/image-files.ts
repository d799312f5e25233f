// Files of one image in many formats, encoded by libvips, for decoders in Node and in the browser.
import sharp, { type Sharp } from "sharp";
import { makeImage, type RgbImage } from "../../src/image/image.js";

const WIDTH = 24;
const HEIGHT = 16;

/** Six uniform fields of 8 × 8 pixels in different greys, which JPEG keeps separate: 3 columns, 2 rows. */
const upright = image((x, y) => {
  const field = Math.floor(x / 8) + 3 * Math.floor(y / 8);
  return [30 + 35 * field, 30 + 35 * field, 30 + 35 * field];
});
const colours = image((x, y) => [x * 10, y * 15, 128]);

function image(at: (x: number, y: number) => readonly [number, number, number], width = WIDTH, height = HEIGHT) {
  const pixels = Array.from({ length: width * height }, (_, i) => at(i % width, Math.floor(i / width)));
  return makeImage(width, height, 3, Uint8Array.from(pixels.flat()));
}

export interface ImageFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The expected image. */
  readonly image: RgbImage;
  /** Largest difference of a channel. */
  readonly tolerance: number;
}

function open({ width, height, channels, data }: RgbImage): Sharp {
  return sharp(data, { raw: { width, height, channels } });
}

/** 16 bits from 8, so that the high byte is the result. */
function deep(image: RgbImage, channels: 1 | 3): Sharp {
  const values = Uint16Array.from(image.data, (value) => value * 257);
  const kept = channels === 3 ? values : values.filter((_, i) => i % 3 === 0);
  return sharp(kept, { raw: { width: image.width, height: image.height, channels } });
}

type Inks = readonly [cyan: number, magenta: number, yellow: number, black: number];

/** The colourful image in CMYK; `mix` gives the inks of a colour. */
function inks(mix: (colour: readonly number[]) => Inks): Sharp {
  const { width, height, data } = colours;
  const values = Array.from({ length: width * height }, (_, i) => mix([...data.subarray(3 * i, 3 * i + 3)])).flat();
  const file = sharp(cmykTiff(width, height, Uint8Array.from(values)));
  return file.pipelineColourspace("cmyk").toColourspace("cmyk");
}

/** A TIFF (6.0) with one strip of CMYK pixels, which is the only way to give such pixels to libvips. */
function cmykTiff(width: number, height: number, pixels: Uint8Array): Uint8Array {
  const SHORT = 3;
  const LONG = 4;
  const bitsAt = 8 + pixels.length;
  const entries: [tag: number, type: number, count: number, value: number][] = [
    [256, LONG, 1, width],
    [257, LONG, 1, height],
    [258, SHORT, 4, bitsAt],
    [259, SHORT, 1, 1],
    // Separated, which means CMYK.
    [262, SHORT, 1, 5],
    [273, LONG, 1, 8],
    [277, SHORT, 1, 4],
    [278, LONG, 1, height],
    [279, LONG, 1, pixels.length],
  ];
  const directoryAt = bitsAt + 8;
  const view = new DataView(new ArrayBuffer(directoryAt + 2 + 12 * entries.length + 4));
  const bytes = new Uint8Array(view.buffer);
  bytes.set([0x49, 0x49, 42, 0]);
  view.setUint32(4, directoryAt, true);
  bytes.set(pixels, 8);
  for (let i = 0; i < 4; i++) view.setUint16(bitsAt + 2 * i, 8, true);
  view.setUint16(directoryAt, entries.length, true);
  for (const [i, [tag, type, count, value]] of entries.entries()) {
    const at = directoryAt + 2 + 12 * i;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, type, true);
    view.setUint32(at + 4, count, true);
    view.setUint32(at + 8, value, true);
  }
  return bytes;
}

const withoutBlack = ([r, g, b]: readonly number[]): Inks => [255 - r!, 255 - g!, 255 - b!, 0];

/** As much black as possible: each ink takes its share of what black leaves (Pillow's `convert("RGB")`). */
const withBlack = (colour: readonly number[]): Inks => {
  const light = Math.max(...colour);
  const [cyan, magenta, yellow] = colour.map((value) => Math.round((255 * (light - value)) / Math.max(1, light)));
  return [cyan!, magenta!, yellow!, 255 - light];
};

/** Position of the pixel (x, y) of the upright image in a file, for each EXIF orientation (EXIF 2.32, table 6). */
const STORED_AT: Record<number, (x: number, y: number) => readonly [x: number, y: number]> = {
  1: (x, y) => [x, y],
  2: (x, y) => [WIDTH - 1 - x, y],
  3: (x, y) => [WIDTH - 1 - x, HEIGHT - 1 - y],
  4: (x, y) => [x, HEIGHT - 1 - y],
  5: (x, y) => [y, x],
  6: (x, y) => [y, WIDTH - 1 - x],
  7: (x, y) => [HEIGHT - 1 - y, WIDTH - 1 - x],
  8: (x, y) => [HEIGHT - 1 - y, x],
};

function turned(orientation: number): RgbImage {
  const [width, height] = orientation < 5 ? [WIDTH, HEIGHT] : [HEIGHT, WIDTH];
  const data = new Uint8Array(upright.data.length);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const [storedX, storedY] = STORED_AT[orientation]!(x, y);
      const from = (y * WIDTH + x) * 3;
      data.set(upright.data.subarray(from, from + 3), (storedY * width + storedX) * 3);
    }
  }
  return makeImage(width, height, 3, data);
}

/** Files with an EXIF orientation. All show the same image. */
export async function turnedFiles(format: "png" | "jpeg" | "webp"): Promise<ImageFile[]> {
  const files = Object.keys(STORED_AT).map(async (orientation) => {
    const stored = open(turned(Number(orientation))).withMetadata({ orientation: Number(orientation) });
    const bytes = await stored.toFormat(format, { quality: 100 }).toBuffer();
    // JPEG and WebP compute luminance in integers.
    return {
      name: `${format} of EXIF orientation ${orientation}`,
      bytes,
      image: upright,
      tolerance: format === "png" ? 0 : 2,
    };
  });
  return Promise.all(files);
}

/** Files of every kind of pixels. */
export async function imageNames(): Promise<ImageFile[]> {
  const second = open(image(() => [255, 255, 255]));
  const frames = [await open(colours).png().toBuffer(), await second.png().toBuffer()];
  const grey = open(upright).toColourspace("b-w");
  const cases: [name: string, file: Sharp, image: RgbImage, tolerance: number][] = [
    ["PNG", open(colours).png(), colours, 0],
    ["PNG, interlaced", open(colours).png({ progressive: true }), colours, 0],
    ["PNG, grey", grey.clone().png(), upright, 0],
    ["PNG, palette", open(upright).png({ palette: true, colours: 8, dither: 0 }), upright, 1],
    ["PNG, 16 bit", deep(colours, 3).toColourspace("rgb16").png(), colours, 0],
    ["PNG, grey of 16 bit", deep(upright, 1).toColourspace("grey16").png(), upright, 0],
    // Quantisation at quality 100 and conversion of colours, in integers.
    ["JPEG", open(colours).jpeg({ quality: 100, chromaSubsampling: "4:4:4" }), colours, 4],
    [
      "JPEG, progressive",
      open(colours).jpeg({ quality: 100, progressive: true, chromaSubsampling: "4:4:4" }),
      colours,
      4,
    ],
    ["JPEG, grey", grey.clone().jpeg({ quality: 100 }), upright, 2],
    ["JPEG, CMYK", inks(withoutBlack).jpeg({ quality: 100 }), colours, 4],
    ["JPEG, CMYK with black", inks(withBlack).jpeg({ quality: 100 }), colours, 4],
    ["WebP, lossless", open(colours).webp({ lossless: true }), colours, 0],
    // WebP halves the resolution of colours, which changes a gradient little.
    ["WebP", open(colours).webp({ quality: 100 }), colours, 12],
    [
      "WebP, animated: its first frame",
      sharp(frames, { join: { animated: true } }).webp({ lossless: true }),
      colours,
      0,
    ],
  ];
  return Promise.all(
    cases.map(async ([name, file, image, tolerance]) => ({ name, bytes: await file.toBuffer(), image, tolerance })),
  );
}

/** The largest difference of a channel between two images of the same size. */
export function largestDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}
