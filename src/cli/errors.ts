import { Dalle2Error } from "../platform/dalle2-error.js";

/** The command line cannot be run as written. The process exits with status 2. */
export class UsageError extends Dalle2Error {
  static override readonly code = "cli/usage";
  override readonly name = "UsageError";

  static {
    this.register(this);
  }
}

/** A program that a command started has failed. */
export class CommandFailedError extends Dalle2Error {
  static override readonly code = "cli/command-failed";
  override readonly name = "CommandFailedError";

  static {
    this.register(this);
  }
}
