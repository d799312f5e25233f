import { Dalle2Error } from "../platform/dalle2-error.js";
import { publicUrl } from "../platform/secrets.js";
import { excerpt } from "../platform/printable.js";

/** Longest description of a problem. Names in it are cut one by one; this bounds what none of them should reach. */
const MAX_PROBLEM = 4000;

/**
 * A file whose content is not what its format promises. `source` is the file's name; nothing of it was executed. The
 * problem may repeat text of the file: control characters in it are replaced, so that none reaches a terminal.
 */
export class FormatError extends Dalle2Error {
  override readonly name: string = "FormatError";
  readonly source: string;

  constructor(source: string, problem: string, options?: ErrorOptions) {
    const shown = publicUrl(source);
    super(`${shown}: ${excerpt(problem, MAX_PROBLEM)}`, options);
    this.source = shown;
  }
}

/** Content that goes on beyond the bytes at hand: the file is cut off, or too little of it was read. */
export class TruncatedError extends FormatError {}
