/** A model manager was asked for its models after it was disposed, or was disposed while they were used. */
export class DisposedError extends Error {
  override readonly name = "DisposedError";
}
