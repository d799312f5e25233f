/**
 * How much of the expected time is over, from 0 to 1. It moves with time, and never goes back: where more is left than it
 * seemed, as when a slow network begins, it goes on more slowly from where it is.
 */
export class TimeShare {
  /** At the last estimate. */
  #share = 0;
  #at: number;
  #left: number | undefined;
  #shown = 0;

  /** Begins now. `clock` gives milliseconds. */
  constructor(private readonly clock: () => number = () => performance.now()) {
    this.#at = clock();
  }

  /** Takes an estimate of the time left. */
  update(millisecondsLeft: number): void {
    const now = this.clock();
    this.#share += (1 - this.#share) * part(now - this.#at, millisecondsLeft);
    this.#at = now;
    this.#left = millisecondsLeft;
  }

  /** The share by now, and the milliseconds that are left of the last estimate. Undefined before the first. */
  get now(): { readonly share: number; readonly millisecondsLeft: number } | undefined {
    if (this.#left === undefined) return undefined;
    const since = this.clock() - this.#at;
    // As if as much were left as at the last step: a step that takes longer than it should does not fill the bar.
    this.#shown = Math.max(
      this.#shown,
      this.#share + (1 - this.#share) * (this.#left > 0 ? part(since, this.#left) : 0),
    );
    return { share: this.#shown, millisecondsLeft: Math.max(0, this.#left - since) };
  }
}

/** What `spent` is of it and `left` together. */
function part(spent: number, left: number): number {
  return left > 0 ? spent / (spent + left) : 1;
}
