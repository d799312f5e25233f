import { Dalle2Error } from "../platform/dalle2-error.js";

/** The command line asks for something that cannot be done as written; the process exits with status 2. */
export class UsageError extends Dalle2Error {
  override readonly name = "UsageError";
}
