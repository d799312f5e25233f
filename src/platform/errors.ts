/** A file or address that could not be opened, read or written; `location` is the path or URL, `cause` the system's own error. */
export class FileError extends Error {
  override readonly name = "FileError";

  constructor(
    readonly location: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`${location}: ${problem}`, options);
  }
}

/** Throws a FileError unless `length` bytes from `offset` lie within a source of `size` bytes. */
export function checkRange(name: string, size: number, offset: number, length: number): void {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0)
    throw new FileError(name, `invalid byte range: offset ${offset}, length ${length}`);
  if (offset + length > size)
    throw new FileError(
      name,
      `bytes ${offset} to ${offset + length} were asked for, but the file ends at ${size}; it may be truncated`,
    );
}
