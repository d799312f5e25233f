/** A file whose content is not what its format promises. `source` is the file's name; nothing of it was executed. */
export class FormatError extends Error {
  override readonly name: string = "FormatError";

  constructor(
    readonly source: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`${source}: ${problem}`, options);
  }
}

/** Content that goes on beyond the bytes at hand: the file is cut off, or too little of it was read. */
export class TruncatedError extends FormatError {}
