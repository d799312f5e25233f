import { Dalle2Error } from "../platform/dalle2-error.js";

/** A file is valid, but needs a model or an option that this library does not support. */
export class UnsupportedError extends Dalle2Error {
  static override readonly code = "unsupported/model";
  override readonly name = "UnsupportedError";

  static {
    this.register(this);
  }
}
