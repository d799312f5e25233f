import { Dalle2Error } from "../platform/dalle2-error.js";

/** What an interrupted command rejects with; the process exits with status 130. */
export class InterruptedError extends Dalle2Error {
  static override readonly code = "cli/interrupted";
  override readonly name = "InterruptedError";

  static {
    this.register(this);
  }

  constructor() {
    super("Interrupted.");
  }
}

/**
 * A signal that Ctrl-C aborts, so that a command ends in order and leaves nothing half-written. A second Ctrl-C ends the
 * process at once. The reason of the signal is an `InterruptedError`.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  process.once("SIGINT", () => {
    controller.abort(new InterruptedError());
  });
  return controller.signal;
}
