/** Time over which a rate is smoothed, in milliseconds. */
const TIME_CONSTANT = 4000;

/** Until this time has been measured, in milliseconds, the rate is not known. */
const MIN_TIME = 500;

/** How fast an amount grows, smoothed: recent times count more. */
export class Rate {
  #last: { readonly amount: number; readonly time: number } | undefined;
  /** Sum of rate × weight, and of weights. */
  #weighted = 0;
  #weight = 0;
  #measured = 0;

  /** `clock` returns milliseconds. */
  constructor(private readonly clock: () => number = () => performance.now()) {}

  /** The amount is now `amount`. The first call, and one with less, only say where it starts. */
  add(amount: number): void {
    const time = this.clock();
    const last = this.#last;
    const elapsed = last ? time - last.time : 0;
    if (last && amount >= last.amount && elapsed <= 0) {
      // Both belong to the same moment: the next call counts what has come since.
      return;
    }
    this.#last = { amount, time };
    if (!last || amount < last.amount) return;
    const forgotten = Math.exp(-elapsed / TIME_CONSTANT);
    const weight = 1 - forgotten;
    this.#weighted = this.#weighted * forgotten + ((amount - last.amount) / elapsed) * weight;
    this.#weight = this.#weight * forgotten + weight;
    this.#measured += elapsed;
  }

  /** The amount in a second; undefined until it is known. */
  get perSecond(): number | undefined {
    if (this.#measured < MIN_TIME) return undefined;
    return (this.#weighted / this.#weight) * 1000;
  }

  /** Milliseconds until `left` more has come; undefined if that is not known, or if nothing comes. */
  millisecondsFor(left: number): number | undefined {
    const rate = this.perSecond;
    return rate === undefined || rate <= 0 ? undefined : (left / rate) * 1000;
  }
}
