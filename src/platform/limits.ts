import { counted } from "./counted.js";
import { FileError } from "./errors.js";

const MEBIBYTE = 2 ** 20;

/** How many bytes are read of a file, or taken from a server, by what it is. Real ones stay far below. */
export const MAX_BYTES = {
  /** A load config, train config or CLIP config: JSON of a few kilobytes. */
  config: 16 * MEBIBYTE,
  /** Prompts, as lines or as JSON. */
  prompts: 16 * MEBIBYTE,
  /** An image or a mask, as a file. */
  image: 256 * MEBIBYTE,
  /** A checksum file; one that stands for its own checksum, as in LAION's configs, is not much longer. */
  checksum: MEBIBYTE,
  /** What is noted beside a download. */
  record: MEBIBYTE,
  /** A download that the server compresses for the way: what it unpacks to is not known beforehand. */
  compressed: 64 * MEBIBYTE,
  /** A download whose size the server announces. */
  download: 2 ** 38,
  /** One whose size it does not announce: it may have no end. */
  unannounced: 2 ** 35,
} as const;

/** A file is larger than what is read of its kind. */
export class TooLargeError extends FileError {
  static override readonly code = "file/too-large";
  override readonly name = "TooLargeError";

  static {
    this.register(this);
  }

  constructor(location: string, found: string, maxBytes: number) {
    super(location, `${found}; at most ${formatLimit(maxBytes)} are read of such a file`);
  }
}

/** Throws TooLargeError where a file of a kind has more bytes than are read. */
export function checkSize(location: string, size: number, maxBytes: number): void {
  if (size > maxBytes) throw new TooLargeError(location, `has ${counted(size, "byte")}`, maxBytes);
}

function formatLimit(bytes: number): string {
  if (bytes < MEBIBYTE) return counted(bytes, "byte");
  return bytes >= 2 ** 30 ? `${bytes / 2 ** 30} GiB` : `${bytes / MEBIBYTE} MiB`;
}
