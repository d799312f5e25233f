import { Dalle2Error } from "../platform/dalle2-error.js";

/** The version of a checkpoint cannot be parsed, or is older than all known versions. */
export class DialectError extends Dalle2Error {
  static override readonly code = "dialect/unknown";
  override readonly name = "DialectError";

  static {
    this.register(this);
  }
}
