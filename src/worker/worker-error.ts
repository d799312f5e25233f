import { Dalle2Error } from "../platform/dalle2-error.js";
import type { ErrorCode } from "../platform/error-codes.js";

/** A worker could not be started, or ended while it was in use. The next call starts it again. */
export class WorkerError extends Dalle2Error {
  static override readonly code: ErrorCode = "worker/crashed";
  override readonly name = "WorkerError";

  static {
    this.register(this);
  }
}
