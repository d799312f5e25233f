// Finds the directory of a zip archive: an end record behind it has its position, with the 64-bit extension that torch
// always writes. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
import type { ByteSource } from "../../platform/source.js";
import { FormatError } from "../errors.js";

export const DIRECTORY_ENTRY = 0x02014b50;
const DIRECTORY_END = 0x06054b50;
const DIRECTORY_END_64 = 0x06064b50;
const DIRECTORY_LOCATOR_64 = 0x07064b50;
const END_BYTES = 22;
const LOCATOR_64_BYTES = 20;
const END_64_BYTES = 56;
const MAX_COMMENT_BYTES = 0xffff;
/** Bytes after an archive may look like its end record by chance, but only a few times. */
const MAX_END_RECORDS = 64;

/** Bytes of a directory record, without its name. */
export const ENTRY_BYTES = 46;

/** Position and size in bytes, and the number of records. */
export interface DirectoryPlace {
  readonly offset: number;
  readonly size: number;
  readonly count: number;
}

/** Finds the directory. Rejects with FormatError. */
export async function findDirectory(source: ByteSource, signal?: AbortSignal): Promise<DirectoryPlace> {
  const tailStart = Math.max(0, source.size - END_BYTES - MAX_COMMENT_BYTES - LOCATOR_64_BYTES);
  const tail = view(await source.read(tailStart, source.size - tailStart, signal));
  const ends = endRecords(tail);
  const exact = ends.find((at) => at + END_BYTES + tail.getUint16(at + 20, true) === tail.byteLength);
  if (exact !== undefined) return readPlace(source, tail, exact, signal);
  // Other bytes may follow the archive, as torch allows: then the last record that points to a directory counts.
  for (const at of ends.slice(0, MAX_END_RECORDS)) {
    const place = await readPlace(source, tail, at, signal);
    if (await isDirectory(source, place, tailStart + at, signal)) return place;
  }
  throw new FormatError(source.name, "a zip archive without a directory at its end; the file is truncated");
}

/** Positions of possible end records, from the last to the first. */
function endRecords(tail: DataView): number[] {
  const found: number[] = [];
  for (let at = tail.byteLength - END_BYTES; at >= 0; at--)
    if (tail.getUint32(at, true) === DIRECTORY_END) found.push(at);
  return found;
}

function readPlace(
  source: ByteSource,
  tail: DataView,
  end: number,
  signal?: AbortSignal,
): DirectoryPlace | Promise<DirectoryPlace> {
  const locator = end - LOCATOR_64_BYTES;
  if (locator >= 0 && tail.getUint32(locator, true) === DIRECTORY_LOCATOR_64)
    return readEnd64(source, uint64(tail, locator + 8, source.name), signal);
  return {
    count: tail.getUint16(end + 10, true),
    size: tail.getUint32(end + 12, true),
    offset: tail.getUint32(end + 16, true),
  };
}

async function isDirectory(
  source: ByteSource,
  { offset, size, count }: DirectoryPlace,
  end: number,
  signal?: AbortSignal,
): Promise<boolean> {
  if (count === 0 || size < ENTRY_BYTES || offset + size > end) return false;
  return view(await source.read(offset, ENTRY_BYTES, signal)).getUint32(0, true) === DIRECTORY_ENTRY;
}

async function readEnd64(source: ByteSource, at: number, signal?: AbortSignal): Promise<DirectoryPlace> {
  if (at + END_64_BYTES > source.size)
    throw new FormatError(source.name, `its zip64 end record should be at byte ${at}, beyond the end of the file`);
  const record = view(await source.read(at, END_64_BYTES, signal));
  if (record.getUint32(0, true) !== DIRECTORY_END_64)
    throw new FormatError(source.name, `no zip64 end record at byte ${at}`);
  return {
    count: uint64(record, 32, source.name),
    size: uint64(record, 40, source.name),
    offset: uint64(record, 48, source.name),
  };
}

/** A 64-bit size or position. Throws FormatError if it is 2^53 or more. */
export function uint64(bytes: DataView, at: number, source: string): number {
  const value = bytes.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new FormatError(source, `a zip size or position of ${value} bytes`);
  return Number(value);
}

/** A DataView of the same bytes. */
export function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
