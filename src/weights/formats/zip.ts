// Reads zip archives by ranges: the directory at the end of the file, then the entries that it lists, with the 64-bit
// extension that torch always writes. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
import type { ByteSource } from "../../platform/source.js";
import { FormatError } from "../errors.js";
import { excerpt } from "../../platform/printable.js";
import { inflate } from "./inflate.js";
import { DIRECTORY_ENTRY, ENTRY_BYTES, findDirectory, uint64, view } from "./zip-directory.js";

const LOCAL_HEADER = 0x04034b50;

const LOCAL_HEADER_BYTES = 30;
const EXTRA_64 = 0x0001;

const STORED = 0;
const DEFLATED = 8;

const MAX_DIRECTORY_BYTES = 64 * 2 ** 20;
/** torch does not compress. An entry that another tool compressed must be inflated whole, in memory. */
const MAX_INFLATED_BYTES = 256 * 2 ** 20;
/** Deflate can encode at most 258 bytes in two bits. */
const MAX_DEFLATE_RATIO = 1032;

interface DirectoryRecord {
  readonly name: string;
  /** Length of the stored name. */
  readonly nameBytes: number;
  readonly method: number;
  readonly encrypted: boolean;
  readonly crc32: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly headerOffset: number;
}

/** One file in an archive, stored or compressed. `read` gives bytes of its content. */
export class ZipEntry {
  readonly name: string;
  /** Bytes of the content. */
  readonly size: number;
  private dataStart: Promise<number> | undefined;
  /** The last inflated content, until its memory is needed: a tensor is read in chunks, one after the other. */
  private inflated: WeakRef<Uint8Array<ArrayBuffer>> | undefined;

  constructor(
    private readonly source: ByteSource,
    private readonly record: DirectoryRecord,
  ) {
    this.name = record.name;
    this.size = record.size;
  }

  /** Reads `length` bytes of the content from `offset`. Rejects with FormatError or FileError. */
  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if (offset < 0 || length < 0 || offset + length > this.size)
      throw this.error(`bytes ${offset} to ${offset + length} were requested, but it has ${this.size}`);
    const start = await (this.dataStart ??= this.findData(signal).catch((error: unknown) => {
      this.dataStart = undefined;
      throw error;
    }));
    if (this.record.method === STORED) return this.source.read(start + offset, length, signal);
    let content = this.inflated?.deref();
    if (!content) {
      content = await this.inflateAll(start, signal);
      this.inflated = new WeakRef(content);
    }
    return content.slice(offset, offset + length);
  }

  /** Where it begins in the archive. */
  get position(): number {
    return this.record.headerOffset;
  }

  /** True if its content is compressed. */
  get isDeflated(): boolean {
    return this.record.method === DEFLATED;
  }

  // The local header repeats the directory's record with extra fields of its own length: torch pads there to align data.
  private async findData(signal?: AbortSignal): Promise<number> {
    const { method, encrypted, headerOffset, compressedSize, size } = this.record;
    if (encrypted) throw this.error("it is encrypted");
    if (method !== STORED && method !== DEFLATED) throw this.error(`compression method ${method} is not supported`);
    if (method === STORED && compressedSize !== size)
      throw this.error(`it is not compressed, but its sizes differ: ${compressedSize} and ${size} bytes`);
    if (headerOffset + LOCAL_HEADER_BYTES > this.source.size)
      throw this.error("its header is beyond the end of the file");
    const header = view(await this.source.read(headerOffset, LOCAL_HEADER_BYTES, signal));
    if (header.getUint32(0, true) !== LOCAL_HEADER) throw this.error(`no local header at byte ${headerOffset}`);
    const start = headerOffset + LOCAL_HEADER_BYTES + header.getUint16(26, true) + header.getUint16(28, true);
    if (start + compressedSize > this.source.size)
      throw this.error("its data goes beyond the end of the file; the file may be truncated");
    return start;
  }

  private async inflateAll(start: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const { compressedSize, size, crc32 } = this.record;
    if (size > MAX_INFLATED_BYTES)
      throw this.error(
        `it is compressed and has ${size} bytes, which is too large; write the archive without compression, as torch.save does`,
      );
    if (size > compressedSize * MAX_DEFLATE_RATIO)
      throw this.error(`its ${compressedSize} bytes cannot decompress to the ${size} that it states`);
    const data = await this.source.read(start, compressedSize, signal);
    try {
      return await inflate(data, size, crc32);
    } catch (cause) {
      throw this.error("its compressed data is damaged", cause);
    }
  }

  private error(problem: string, cause?: unknown): FormatError {
    return new FormatError(this.source.name, `zip entry ${excerpt(this.name)}: ${problem}`, { cause });
  }
}

/** Reads an archive's directory: its entries by name. Rejects with FormatError. */
export async function openZip(source: ByteSource, signal?: AbortSignal): Promise<ReadonlyMap<string, ZipEntry>> {
  const { offset, size, count } = await findDirectory(source, signal);
  if (offset + size > source.size || size > MAX_DIRECTORY_BYTES)
    throw new FormatError(
      source.name,
      `its zip directory should have ${size} bytes at ${offset}, but the file has ${source.size}`,
    );
  const directory = await source.read(offset, size, signal);
  const records = new Map<string, DirectoryRecord>();
  let position = 0;
  for (let index = 0; index < count; index++) {
    const { record, end } = parseRecord(directory, position, source.name);
    if (records.has(record.name))
      throw new FormatError(source.name, `two zip entries are named ${excerpt(record.name)}`);
    records.set(record.name, record);
    position = end;
  }
  checkPlaces([...records.values()], offset, source.name);
  return new Map([...records].map(([name, record]) => [name, new ZipEntry(source, record)]));
}

/** Entries must follow one another before the directory: if they share bytes, a small archive unpacks to a huge one. */
function checkPlaces(records: readonly DirectoryRecord[], directoryOffset: number, source: string): void {
  const inOrder = [...records].sort((a, b) => a.headerOffset - b.headerOffset);
  for (const [index, { name, nameBytes, headerOffset, compressedSize }] of inOrder.entries()) {
    const end = headerOffset + LOCAL_HEADER_BYTES + nameBytes + compressedSize;
    const limit = inOrder[index + 1]?.headerOffset ?? directoryOffset;
    if (end > limit)
      throw new FormatError(
        source,
        `zip entry ${excerpt(name)}: its bytes ${headerOffset} to ${end} overlap the data that begins at ${limit}`,
      );
  }
}

function parseRecord(directory: Uint8Array, at: number, source: string): { record: DirectoryRecord; end: number } {
  const bytes = view(directory);
  if (at + ENTRY_BYTES > bytes.byteLength || bytes.getUint32(at, true) !== DIRECTORY_ENTRY)
    throw new FormatError(source, `its zip directory is damaged at byte ${at}`);
  const nameEnd = at + ENTRY_BYTES + bytes.getUint16(at + 28, true);
  const extraEnd = nameEnd + bytes.getUint16(at + 30, true);
  const end = extraEnd + bytes.getUint16(at + 32, true);
  if (end > bytes.byteLength) throw new FormatError(source, `its zip directory is truncated at byte ${at}`);
  const name = new TextDecoder().decode(directory.subarray(at + ENTRY_BYTES, nameEnd));
  const wide = wideFields(bytes, nameEnd, extraEnd, source);
  // A 32-bit field of all ones means: use the next value of the 64-bit extension.
  const field = (position: number) => {
    const value = bytes.getUint32(position, true);
    if (value !== 0xffffffff) return value;
    const next = wide.shift();
    if (next === undefined) throw new FormatError(source, `zip entry ${excerpt(name)}: its 64-bit sizes are missing`);
    return next;
  };
  const size = field(at + 24);
  const compressedSize = field(at + 20);
  const headerOffset = field(at + 42);
  const method = bytes.getUint16(at + 10, true);
  const nameBytes = bytes.getUint16(at + 28, true);
  const encrypted = (bytes.getUint16(at + 8, true) & 1) !== 0;
  const crc32 = bytes.getUint32(at + 16, true);
  return { record: { name, nameBytes, method, encrypted, crc32, compressedSize, size, headerOffset }, end };
}

function wideFields(bytes: DataView, start: number, end: number, source: string): number[] {
  for (let at = start; at + 4 <= end; at += 4 + bytes.getUint16(at + 2, true)) {
    if (bytes.getUint16(at, true) !== EXTRA_64) continue;
    const count = Math.floor(Math.min(bytes.getUint16(at + 2, true), end - at - 4) / 8);
    return Array.from({ length: Math.min(count, 3) }, (_, index) => uint64(bytes, at + 4 + 8 * index, source));
  }
  return [];
}
