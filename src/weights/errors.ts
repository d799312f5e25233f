import { Dalle2Error, type Dalle2ErrorOptions } from "../platform/dalle2-error.js";
import type { ErrorCode } from "../platform/error-codes.js";
import { publicUrl } from "../platform/secrets.js";
import { excerpt } from "../platform/printable.js";

/** Longest description of a problem. Names in it are cut one by one; this bounds what none of them should reach. */
const MAX_PROBLEM = 4000;

/**
 * A file whose content is not what its format promises. `source` is the file's name; nothing of it was executed. The
 * problem may repeat text of the file: control characters in it are replaced, so that none reaches a terminal.
 */
export class FormatError extends Dalle2Error {
  static override readonly code: ErrorCode = "format/invalid";
  override readonly name: string = "FormatError";
  /** Path or URL of the file, without the secrets in it. */
  readonly source: string;

  static {
    this.register(this);
  }

  constructor(source: string, problem: string, options?: Dalle2ErrorOptions) {
    const shown = publicUrl(source);
    super(`${shown}: ${excerpt(problem, MAX_PROBLEM)}`, { ...options, place: { file: shown, ...options?.place } });
    this.source = shown;
  }
}

/** Content that goes on beyond the bytes at hand: the file is cut off, or too little of it was read. */
export class TruncatedError extends FormatError {
  static override readonly code = "format/truncated";
  override readonly name = "TruncatedError";

  static {
    this.register(this);
  }
}
