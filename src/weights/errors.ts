import { hideSecrets, publicUrl, safeOptions } from "../platform/secrets.js";

/** A file whose content is not what its format promises. `source` is the file's name; nothing of it was executed. */
export class FormatError extends Error {
  override readonly name: string = "FormatError";
  readonly source: string;

  constructor(source: string, problem: string, options?: ErrorOptions) {
    const shown = publicUrl(source);
    super(`${shown}: ${hideSecrets(problem)}`, safeOptions(options));
    this.source = shown;
  }
}

/** Content that goes on beyond the bytes at hand: the file is cut off, or too little of it was read. */
export class TruncatedError extends FormatError {}
