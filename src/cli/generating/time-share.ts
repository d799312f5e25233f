/**
 * The share of the expected time that has passed, from 0 to 1. It grows with time and never shrinks: if more time is left than
 * expected, for example when a slow network begins, it grows more slowly.
 */
export class TimeShare {
  /** At the last estimate. */
  #share = 0;
  #at: number;
  #left: number | undefined;
  #shown = 0;

  /** Starts now. `clock` returns milliseconds. */
  constructor(private readonly clock: () => number = () => performance.now()) {
    this.#at = clock();
  }

  /** Sets a new estimate of the time left. */
  update(millisecondsLeft: number): void {
    const now = this.clock();
    this.#share += (1 - this.#share) * shareOf(now - this.#at, millisecondsLeft);
    this.#at = now;
    this.#left = millisecondsLeft;
  }

  /** The current share, and the milliseconds left by the last estimate. Undefined before the first estimate. */
  get now(): { readonly share: number; readonly millisecondsLeft: number } | undefined {
    if (this.#left === undefined) return undefined;
    const since = this.clock() - this.#at;
    // Computed with the time left at the last estimate, so that a step that takes longer than expected does not fill the bar.
    this.#shown = Math.max(
      this.#shown,
      this.#share + (1 - this.#share) * (this.#left > 0 ? shareOf(since, this.#left) : 0),
    );
    return { share: this.#shown, millisecondsLeft: Math.max(0, this.#left - since) };
  }
}

/** `spent` as a share of `spent + left`. */
function shareOf(spent: number, left: number): number {
  return left > 0 ? spent / (spent + left) : 1;
}
