import { Dalle2Error } from "../platform/dalle2-error.js";

/** A checkpoint's version that cannot be read, or is older than any that is known. */
export class DialectError extends Dalle2Error {
  static override readonly code = "dialect/unknown";
  override readonly name = "DialectError";

  static {
    this.register(this);
  }
}
