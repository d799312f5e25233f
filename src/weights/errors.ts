import { Dalle2Error, type Dalle2ErrorOptions } from "../platform/dalle2-error.js";
import type { ErrorCode } from "../platform/error-codes.js";
import { publicUrl } from "../platform/secrets.js";
import { excerpt } from "../platform/printable.js";

/** Longest description of a problem. Names in it are shortened one by one; this is a second limit. */
const MAX_PROBLEM = 4000;

/**
 * The content of a file breaks the rules of its format. `source` is the file's name. Nothing in the file was executed. The
 * problem may quote the file: control characters are replaced, so that none reaches a terminal.
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

/** Content that ends too early: the file is truncated, or too little of it was read. */
export class TruncatedError extends FormatError {
  static override readonly code = "format/truncated";
  override readonly name = "TruncatedError";

  static {
    this.register(this);
  }
}
