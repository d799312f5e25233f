// Inflates a zip entry with the platform's DecompressionStream. Node has "deflate-raw" only since 20.12, so the raw data is
// wrapped as gzip: the zip directory has the checksum and the size for the gzip trailer.

/** A gzip header without options: magic, method 8 (deflate), no flags, no time, unknown system. */
const GZIP_HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);

/** Inflates raw deflate data. Rejects if the result does not have exactly `size` bytes with checksum `crc32`. */
export async function inflate(
  data: Uint8Array<ArrayBuffer>,
  size: number,
  crc32: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const gzip = new Blob([GZIP_HEADER, data, gzipTrailer(crc32, size)]);
  const reader = gzip.stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const content = new Uint8Array(size);
  let filled = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (filled + value.length > size) {
      await reader.cancel();
      throw new RangeError(`more than the ${size} bytes that the directory states`);
    }
    content.set(value, filled);
    filled += value.length;
  }
  if (filled < size) throw new RangeError(`${filled} bytes, not the ${size} that the directory states`);
  return content;
}

function gzipTrailer(crc32: number, size: number): Uint8Array<ArrayBuffer> {
  const trailer = new DataView(new ArrayBuffer(8));
  trailer.setUint32(0, crc32, true);
  trailer.setUint32(4, size, true);
  return new Uint8Array(trailer.buffer);
}
