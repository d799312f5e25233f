import { Dalle2Error, type Dalle2ErrorOptions } from "./dalle2-error.js";
import type { ErrorCode } from "./error-codes.js";
import { hideSecrets, publicUrl } from "./secrets.js";

/**
 * A file or address that could not be opened, read or written; `location` is the path or URL, `cause` the system's own
 * error. None of its texts holds a secret: of a URL, user, password and what may be a token are left out.
 */
export class FileError extends Dalle2Error {
  static override readonly code: ErrorCode = "file/failed";
  override readonly name: string = "FileError";
  /** Path or URL, without the secrets in it. */
  readonly location: string;

  static {
    this.register(this);
  }

  constructor(location: string, problem: string, options?: Dalle2ErrorOptions) {
    const shown = hideSecrets(publicUrl(location));
    super(`${shown}: ${problem}`, { ...options, place: { file: shown, ...options?.place } });
    this.location = shown;
  }
}

/** More than an array can have, or than a caller can mean: a size that a file or server only claims. */
const MAX_READ_BYTES = 2 ** 31;

const RANGE = { code: "file/range" } as const;

/** Throws a FileError unless `length` bytes from `offset` lie within a source of `size` bytes, and fit into one array. */
export function checkRange(name: string, size: number, offset: number, length: number): void {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0)
    throw new FileError(name, `invalid byte range: offset ${offset}, length ${length}`, RANGE);
  if (offset + length > size)
    throw new FileError(name, `bytes ${offset} to ${offset + length} were asked for, but the file ends at ${size}`, {
      ...RANGE,
      advice: "it may be truncated: download it again",
    });
  if (length > MAX_READ_BYTES)
    throw new FileError(name, `${length} bytes are more than can be read at once, ${MAX_READ_BYTES}`, RANGE);
}
