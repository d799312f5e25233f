/** A PNG encoder (W3C PNG, third edition): the same bytes for the same picture, in Node and in the browser. */
import type { Image } from "./image.js";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const COLOUR_TYPE = { 3: 2, 4: 6 } as const;
const PAETH = 4;

export interface PngOptions {
  /** Remarks about the picture by keyword ("Description", "Software"): keywords of 1 to 79 Latin-1 characters, any text. */
  readonly text?: Readonly<Record<string, string>>;
}

/** Encodes an 8-bit picture. Throws RangeError for a keyword that PNG does not allow. */
export async function encodePng(image: Image, { text = {} }: PngOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const chunks = [
    chunk("IHDR", header(image)),
    ...Object.entries(text).map(([keyword, value]) => chunk("iTXt", internationalText(keyword, value))),
    chunk("IDAT", await deflate(filterRows(image))),
    chunk("IEND", new Uint8Array(0)),
  ];
  return concat([Uint8Array.from(SIGNATURE), ...chunks]);
}

function header({ width, height, channels }: Image): Uint8Array {
  const bytes = new Uint8Array(13);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  bytes.set([8, COLOUR_TYPE[channels]], 8);
  return bytes;
}

/** Keyword, zero, not compressed (two zeros), no language, no translated keyword, UTF-8. */
function internationalText(keyword: string, value: string): Uint8Array {
  if (!/^[\x20-\x7e\xa1-\xff]{1,79}$/.test(keyword)) {
    throw new RangeError(`"${keyword}" is no PNG keyword: 1 to 79 printable Latin-1 characters`);
  }
  const latin1 = Uint8Array.from(keyword, (character) => character.charCodeAt(0));
  return concat([latin1, new Uint8Array(5), new TextEncoder().encode(value)]);
}

/** Every row as its difference from what its neighbours predict (Paeth), which suits smooth pictures. */
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
  const estimate = left + up - upLeft;
  const toLeft = Math.abs(estimate - left);
  const toUp = Math.abs(estimate - up);
  const toUpLeft = Math.abs(estimate - upLeft);
  if (toLeft <= toUp && toLeft <= toUpLeft) return left;
  return toUp <= toUpLeft ? up : upLeft;
}

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Length, type, data, checksum of type and data. */
function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = concat([new TextEncoder().encode(type), data]);
  const bytes = new Uint8Array(body.length + 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(body, 4);
  view.setUint32(body.length + 4, crc32(body));
  return bytes;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  return crc;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
