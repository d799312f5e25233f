import type { ErrorCode } from "../../platform/error-codes.js";
import { Dalle2Error } from "../../platform/dalle2-error.js";

/** The queue between servers and workers cannot be used. */
export class QueueError extends Dalle2Error {
  static override readonly code: ErrorCode = "queue/unreachable";
  override readonly name = "QueueError";

  static {
    this.register(this);
  }
}
