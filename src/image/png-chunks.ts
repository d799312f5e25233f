/** The structure of a PNG file (W3C PNG, third edition): a signature, then chunks. */
import { concatBytes } from "../platform/bytes.js";
import { ImageDecodeError } from "../platform/image-types.js";

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

export interface PngChunk {
  /** Four letters, for example "IHDR". */
  readonly type: string;
  readonly data: Uint8Array<ArrayBuffer>;
}

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/** Joins chunks to a file. */
export function joinChunks(chunks: readonly PngChunk[]): Uint8Array<ArrayBuffer> {
  return concatBytes([SIGNATURE, ...chunks.map(encodeChunk)]);
}

/** A chunk has length, type, data, and a checksum of type and data. */
function encodeChunk({ type, data }: PngChunk): Uint8Array {
  const body = concatBytes([new TextEncoder().encode(type), data]);
  const bytes = new Uint8Array(body.length + 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(body, 4);
  view.setUint32(body.length + 4, crc32(body));
  return bytes;
}

/**
 * Reads the chunks of a file up to its end chunk, only those of the `wanted` types. Throws ImageDecodeError if the
 * bytes are not a PNG or end too early, or if the checksum of a wanted chunk is wrong.
 */
export function* readChunks(bytes: Uint8Array, wanted: ReadonlySet<string>): Generator<PngChunk, void> {
  if (!isPng(bytes)) throw new ImageDecodeError("this is not a PNG file: it does not begin with the PNG signature");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = SIGNATURE.length; ;) {
    if (at + 12 > bytes.length) throw truncated(bytes);
    const length = view.getUint32(at);
    const end = at + 8 + length;
    if (end + 4 > bytes.length) throw truncated(bytes);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (type === "IEND") return;
    if (wanted.has(type)) {
      if (crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end))
        throw new ImageDecodeError(
          `this PNG file is damaged: the checksum of its ${type} chunk at byte ${at} is wrong`,
        );
      yield { type, data: bytes.slice(at + 8, end) };
    }
    at = end + 4;
  }
}

function truncated(bytes: Uint8Array): ImageDecodeError {
  return new ImageDecodeError(`this PNG file is truncated: it ends inside a chunk, after ${bytes.length} bytes`);
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
