import { constants } from "node:os";
import { Dalle2Error } from "../platform/dalle2-error.js";

/** Signals that ask a process to end: Ctrl-C, `kill` and what stops services, a terminal that was closed. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A signal that interrupts a command. */
export type InterruptSignal = (typeof SIGNALS)[number];

/** What an interrupted command rejects with. */
export class InterruptedError extends Dalle2Error {
  static override readonly code = "cli/interrupted";
  override readonly name = "InterruptedError";
  /** Exit status of the process, as a shell reports it: 128 + the signal's number. */
  readonly exitStatus: number;

  static {
    this.register(this);
  }

  constructor(readonly signal: InterruptSignal = "SIGINT") {
    super(signal === "SIGINT" ? "Interrupted." : `Interrupted by ${signal}.`);
    this.exitStatus = 128 + constants.signals[signal];
  }
}

/**
 * An `AbortSignal` that Ctrl-C, SIGTERM and SIGHUP abort, so that a command ends in order and leaves nothing half-written.
 * The same signal a second time ends the process at once. The reason is an `InterruptedError`.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of SIGNALS) {
    process.once(signal, () => {
      controller.abort(new InterruptedError(signal));
    });
  }
  return controller.signal;
}
