import { Dalle2Error } from "../platform/dalle2-error.js";

/** A file is fine, but asks for a model or an option that this library does not run. */
export class UnsupportedError extends Dalle2Error {
  override readonly name = "UnsupportedError";
}
