import { deflateRawSync } from "node:zlib";

/** How to write a test archive. */
export interface ZipOptions {
  readonly deflate?: boolean;
  /** Writes every size and position in the 64-bit extension, with all ones in the 32-bit fields. */
  readonly zip64?: boolean;
  readonly comment?: string;
}

/** Zeros that take no space: a hole in a file. They are not compressed and have no checksum. */
export class Hole {
  constructor(readonly length: number) {}
}

/** The bytes of a file that may have holes. Bytes outside of the parts are zero. */
export interface Sparse {
  readonly parts: readonly { readonly at: number; readonly bytes: Uint8Array }[];
  readonly size: number;
}

type Files = readonly (readonly [name: string, content: Uint8Array | Hole])[];

/** A zip archive of the given files, written field by field from the specification. */
export function zip(files: Files, options: ZipOptions = {}): Buffer {
  const { parts, size } = sparseZip(files, options);
  const archive = Buffer.alloc(size);
  for (const { at, bytes } of parts) archive.set(bytes, at);
  return archive;
}

/** The same without the holes. Beyond 4 GiB it must be zip64. */
export function sparseZip(files: Files, options: ZipOptions = {}): Sparse {
  const { deflate = false, zip64 = false, comment = "" } = options;
  const parts: Sparse["parts"][number][] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of files) {
    const isHole = content instanceof Hole;
    const data = isHole ? content : deflate ? deflateRawSync(content) : content;
    const method = deflate && !isHole ? 8 : 0;
    const common = Buffer.concat([u16(0), u16(method), u32(0), u32(isHole ? 0 : crc32(content))]);
    // As in torch, an extra field only in the local header moves the data.
    const local = Buffer.concat([
      u32(0x04034b50),
      u16(45),
      common,
      u32(Math.min(data.length, 0xffffffff)),
      u32(Math.min(content.length, 0xffffffff)),
      u16(name.length),
      u16(8),
      Buffer.from(name),
      u16(0x4246),
      u16(4),
      u32(0),
    ]);
    const wide = Buffer.concat([u16(1), u16(24), u64(content.length), u64(data.length), u64(offset)]);
    const narrow = (value: number) => u32(zip64 ? 0xffffffff : value);
    directory.push(
      Buffer.concat([
        u32(0x02014b50),
        u16(45),
        u16(45),
        common,
        narrow(data.length),
        narrow(content.length),
        u16(name.length),
        u16(zip64 ? wide.length : 0),
        u16(0),
        u16(0),
        u16(0),
        u32(0),
        narrow(offset),
        Buffer.from(name),
        zip64 ? wide : Buffer.alloc(0),
      ]),
    );
    parts.push({ at: offset, bytes: local });
    if (!(data instanceof Hole)) parts.push({ at: offset + local.length, bytes: data });
    offset += local.length + data.length;
  }
  const records = Buffer.concat(directory);
  const count = files.length;
  const end64 = Buffer.concat([
    u32(0x06064b50),
    u64(44),
    u16(45),
    u16(45),
    u32(0),
    u32(0),
    u64(count),
    u64(count),
    u64(records.length),
    u64(offset),
    u32(0x07064b50),
    u32(0),
    u64(offset + records.length),
    u32(1),
  ]);
  const place = zip64
    ? [u16(0xffff), u16(0xffff), u32(0xffffffff), u32(0xffffffff)]
    : [u16(count), u16(count), u32(records.length), u32(offset)];
  const end = [u32(0x06054b50), u16(0), u16(0), ...place, u16(comment.length), Buffer.from(comment)];
  const tail = Buffer.concat([records, zip64 ? end64 : Buffer.alloc(0), ...end]);
  return { parts: [...parts, { at: offset, bytes: tail }], size: offset + tail.length };
}

export function crc32(content: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of content) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
