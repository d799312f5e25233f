/** A file is fine, but asks for a model or an option that this library does not run. */
export class UnsupportedError extends Error {
  override readonly name = "UnsupportedError";
}
