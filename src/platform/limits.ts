import { counted } from "./counted.js";
import { FileError } from "./errors.js";

const MEBIBYTE = 2 ** 20;

/** Most bytes that are read or downloaded, by kind of file. Real files are far smaller. */
export const MAX_BYTES = {
  /** A load config, train config or CLIP config: JSON of a few kilobytes. */
  config: 16 * MEBIBYTE,
  /** Prompts, as lines or as JSON. */
  prompts: 16 * MEBIBYTE,
  /** An image file or a mask file. */
  image: 256 * MEBIBYTE,
  /** A checksum file. LAION's configs also name small files that are their own checksum. */
  checksum: MEBIBYTE,
  /** A record beside a download. */
  record: MEBIBYTE,
  /** A download that the server compresses: its unpacked size is not known beforehand. */
  compressed: 64 * MEBIBYTE,
  /** A download whose size the server announces. */
  download: 2 ** 38,
  /** A download without an announced size, which may never end. */
  unannounced: 2 ** 35,
} as const;

/** A file is larger than the limit for its kind. */
export class TooLargeError extends FileError {
  static override readonly code = "file/too-large";
  override readonly name = "TooLargeError";

  static {
    this.register(this);
  }

  constructor(location: string, found: string, maxBytes: number) {
    super(location, `${found}; the limit for such a file is ${formatLimit(maxBytes)}`);
  }
}

/** Throws TooLargeError if `size` is more than `maxBytes`. */
export function checkSize(location: string, size: number, maxBytes: number): void {
  if (size > maxBytes) throw new TooLargeError(location, `has ${counted(size, "byte")}`, maxBytes);
}

function formatLimit(bytes: number): string {
  if (bytes < MEBIBYTE) return counted(bytes, "byte");
  return bytes >= 2 ** 30 ? `${bytes / 2 ** 30} GiB` : `${bytes / MEBIBYTE} MiB`;
}
