/** A PNG encoder (W3C PNG, third edition). It writes the same bytes in Node and in browsers. */
import { concatBytes } from "../platform/bytes.js";
import type { Image } from "./image.js";
import { joinChunks } from "./png-chunks.js";
import { textChunks, type ImageText } from "./png-text.js";

const COLOUR_TYPE = { 3: 2, 4: 6 } as const;
const PAETH = 4;

export interface PngOptions {
  readonly text?: ImageText | undefined;
}

/** Encodes an 8-bit image. Throws ArgumentError for a keyword that PNG does not allow. */
export async function encodePng(image: Image, { text = {} }: PngOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  return joinChunks([
    { type: "IHDR", data: header(image) },
    ...textChunks(text),
    { type: "IDAT", data: await deflate(filterRows(image)) },
    { type: "IEND", data: new Uint8Array(0) },
  ]);
}

function header({ width, height, channels }: Image): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(13);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  bytes.set([8, COLOUR_TYPE[channels]], 8);
  return bytes;
}

/** Filters every row with Paeth: the difference to a prediction from neighbouring pixels. It suits smooth images. */
function filterRows({ width, height, channels, data }: Image): Uint8Array<ArrayBuffer> {
  const stride = width * channels;
  const filtered = new Uint8Array((stride + 1) * height);
  for (let y = 0; y < height; y++) {
    const to = y * (stride + 1);
    filtered[to] = PAETH;
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      const left = x < channels ? 0 : data[at - channels]!;
      const up = y === 0 ? 0 : data[at - stride]!;
      const upLeft = x < channels || y === 0 ? 0 : data[at - stride - channels]!;
      filtered[to + 1 + x] = data[at]! - paeth(left, up, upLeft);
    }
  }
  return filtered;
}

function paeth(left: number, up: number, upLeft: number): number {
  const predicted = left + up - upLeft;
  const toLeft = Math.abs(predicted - left);
  const toUp = Math.abs(predicted - up);
  const toUpLeft = Math.abs(predicted - upLeft);
  if (toLeft <= toUp && toLeft <= toUpLeft) return left;
  return toUp <= toUpLeft ? up : upLeft;
}

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  const chunks: Uint8Array[] = [];
  // Not by a Response, for which Node loads its whole client for HTTP, nor by iteration, which Safari lacks.
  const reader = stream.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) chunks.push(read.value);
  return concatBytes(chunks);
}
