// Image files as strangers send them: of all kinds, damaged, and made to do harm.
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { concat, latin1, littleEndian, mutateBytes } from "../../../fuzz/mutators/bytes.js";
import type { Random } from "../../../fuzz/random.js";
import { crc32 } from "../../../support/zip.js";

/** Image files to start from. */
export interface ImageFiles {
  /** Files that decoders take. */
  readonly good: readonly Uint8Array[];
  /** Those with an alpha channel that has zeros, so that an edit has something to generate. */
  readonly masks: readonly Uint8Array[];
  /** Files that make decoders work, or parsers differ. */
  readonly bombs: readonly Uint8Array[];
}

const SIGNATURE = latin1("\x89PNG\r\n\x1a\n");

const bigEndian = (value: number): Uint8Array => littleEndian(value, 4).toReversed();

/** A chunk of a PNG file. */
export function pngChunk(type: string, data: Uint8Array): Uint8Array {
  const body = concat([latin1(type), data]);
  return concat([bigEndian(data.length), body, bigEndian(crc32(body))]);
}

function header(width: number, height: number, bits = 8, colour = 2, interlace = 0): Uint8Array {
  const facts = Uint8Array.of(bits, colour, 0, 0, interlace);
  return pngChunk("IHDR", concat([bigEndian(width), bigEndian(height), facts]));
}

function png(...chunks: readonly Uint8Array[]): Uint8Array {
  return concat([SIGNATURE, ...chunks, pngChunk("IEND", new Uint8Array(0))]);
}

const zeros = (bytes: number): Uint8Array => deflateSync(new Uint8Array(bytes));
const data = (bytes: number): Uint8Array => pngChunk("IDAT", zeros(bytes));

/** Bytes that deflate to a thousandth. */
const LARGE = 2 ** 24;

/** Makes all files, always the same. */
export async function imageFiles(): Promise<ImageFiles> {
  const square = { width: 24, height: 24, channels: 4, background: { r: 200, g: 40, b: 10, alpha: 1 } } as const;
  const noise = Uint8Array.from({ length: 24 * 24 * 4 }, (_, i) => (i * 2654435761) >>> 24);
  const raw = { raw: { width: 24, height: 24, channels: 4 } } as const;
  const open = () => sharp(noise, raw);
  const clear = sharp({ create: { ...square, background: { r: 0, g: 0, b: 0, alpha: 0 } } });
  const jpeg = await open().removeAlpha().jpeg({ progressive: true }).toBuffer();
  const frames = [0, 1, 2].map((hue) =>
    sharp({ create: { ...square, background: { r: 80 * hue, g: 0, b: 0 } } })
      .png()
      .toBuffer(),
  );
  const animated = await sharp(await Promise.all(frames), { join: { animated: true } })
    .webp()
    .toBuffer();
  const good = [
    await sharp({ create: square }).png().toBuffer(),
    await open().png({ palette: true }).toBuffer(),
    await open().removeAlpha().jpeg().toBuffer(),
    jpeg,
    await open().removeAlpha().toColourspace("cmyk").jpeg().toBuffer(),
    await open().webp({ lossless: true }).toBuffer(),
    await open().webp().toBuffer(),
    animated,
    await open().removeAlpha().greyscale().png().toBuffer(),
    await open().toColourspace("rgb16").png().toBuffer(),
    await open()
      .removeAlpha()
      .jpeg()
      .withExif({ IFD0: { Orientation: "6" } })
      .toBuffer(),
    png(header(24, 24), data(24 * (24 * 3 + 1))),
  ];
  const masks = [
    await clear.png().toBuffer(),
    await open().png().toBuffer(),
    await clear.webp({ lossless: true }).toBuffer(),
  ];
  return { good: good.map(copy), masks: masks.map(copy), bombs: (await bombs(copy(jpeg), copy(animated))).map(copy) };
}

function copy(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}

async function bombs(jpeg: Uint8Array, animated: Uint8Array): Promise<readonly Uint8Array[]> {
  const gif = sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>`;
  return [
    // Sizes that are too large, by a little or by all.
    ...[65_535, 2 ** 31 - 1, 2 ** 32 - 1, 20_000].map((side) => png(header(side, side), data(1000))),
    png(header(513, 512), data(1000)),
    png(header(0, 5), data(100)),
    png(header(2 ** 18, 1), data(2 ** 18 * 3 + 1)),
    // More pixels than the size has, and fewer; far more texts, profiles and palettes.
    png(header(16, 16), data(LARGE)),
    png(header(512, 512), data(10)),
    png(header(16, 16), pngChunk("zTXt", concat([latin1("a\0\0"), zeros(LARGE)])), data(16 * 49)),
    png(header(16, 16), pngChunk("iCCP", concat([latin1("a\0\0"), zeros(LARGE)])), data(16 * 49)),
    png(header(16, 16), ...Array.from({ length: 3000 }, () => pngChunk("tEXt", latin1("a\0b"))), data(16 * 49)),
    // Two headers, of which parsers may read either.
    png(header(16, 16), header(60_000, 60_000), data(16 * 49)),
    png(header(512, 512, 16, 6, 1), data(512 * 512 * 8 + 4096)),
    // A JPEG that says its size twice, one of many scans, one that is all marker bytes.
    concat([jpeg.subarray(0, 2), latin1("\xff\xc0\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0"), jpeg.subarray(2)]),
    concat([jpeg, ...Array.from({ length: 300 }, () => jpeg.subarray(jpeg.length - 300))]),
    concat([latin1("\xff\xd8"), new Uint8Array(2 ** 17).fill(0xff)]),
    concat([latin1("\xff\xd8"), ...Array.from({ length: 20_000 }, () => latin1("\xff\xe1\0\x02"))]),
    // A canvas of WebP that is smaller than its frames.
    withBytes(animated, 24, [3, 0, 0, 3, 0, 0]),
    withBytes(animated, 24, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    // What is no image of a kind that is taken.
    await gif.gif().toBuffer(),
    await gif.tiff().toBuffer(),
    latin1(svg),
    latin1("%PDF-1.7\n"),
    new Uint8Array(0),
    SIGNATURE,
    latin1("RIFF\xff\xff\xff\xffWEBP"),
  ];
}

function withBytes(bytes: Uint8Array, at: number, values: readonly number[]): Uint8Array {
  const changed = bytes.slice();
  changed.set(values, at);
  return changed;
}

/** A file for a request. */
export function randomImage({ good, masks, bombs: harmful }: ImageFiles, random: Random): Uint8Array {
  const kind = random.below(10);
  if (kind < 3) return random.pick(good);
  if (kind < 6) return random.pick(masks);
  if (kind < 8) return random.pick(harmful);
  const all = [...good, ...masks];
  return mutateBytes(random.pick(all), random, all);
}

/** A PNG file of so many pixels a side and so many bytes. */
export function largestPng(side: number, bytes: number): Uint8Array {
  const small = png(header(side, side), data(side * (side * 3 + 1)));
  const padding = pngChunk("prIv", new Uint8Array(bytes - small.length - 12));
  return png(header(side, side), padding, data(side * (side * 3 + 1)));
}
