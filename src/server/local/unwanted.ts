import type { PartRun } from "./part-run.js";

/** A signal that is aborted when all parts are. */
export class Unwanted {
  readonly #controller = new AbortController();
  readonly #check = (): void => {
    const signals = this.runs.map(({ part }) => part.job.signal);
    if (signals.every(({ aborted }) => aborted)) this.#controller.abort(signals[0]?.reason);
  };

  constructor(private readonly runs: readonly PartRun[]) {
    for (const { part } of runs) part.job.signal.addEventListener("abort", this.#check);
    this.#check();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const { part } of this.runs) part.job.signal.removeEventListener("abort", this.#check);
  }
}
