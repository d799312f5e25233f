import { Dalle2Error } from "./dalle2-error.js";

/** A promise between parts of this library was broken: a bug, whatever the caller passed. */
export class InternalError extends Dalle2Error {
  static override readonly code = "internal/bug";
  override readonly name = "InternalError";

  static {
    this.register(this);
  }
}
