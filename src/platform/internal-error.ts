import { Dalle2Error } from "./dalle2-error.js";

/** An internal check failed: a bug in this library, whatever the caller passed. */
export class InternalError extends Dalle2Error {
  static override readonly code = "internal/bug";
  override readonly name = "InternalError";

  static {
    this.register(this);
  }
}
