import { constants } from "node:os";
import { Dalle2Error } from "../platform/dalle2-error.js";

/** Signals that ask a process to end: Ctrl-C; `kill` and service managers; a closed terminal. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** A signal that interrupts a command. */
export type InterruptSignal = (typeof SIGNALS)[number];

/** A command was interrupted by a signal. */
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
 * An `AbortSignal` that Ctrl-C, SIGTERM and SIGHUP abort, so that a command can clean up and leaves no partial files.
 * A second signal of the same kind ends the process immediately. The abort reason is an `InterruptedError`.
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
