/** Share of a job that the opening of its model takes, if it has to be opened. */
const OPENING_SHARE = 0.4;

/** What is known of the time of a job. */
export interface JobTime {
  /** Share that is done, 0 to 1. It never falls. */
  readonly fraction: number;
  /** Estimated; undefined if nothing is known. */
  readonly millisecondsLeft: number | undefined;
}

/** How far a job is, from the opening of its model to its last image. */
export class JobClock {
  readonly #clock: () => number;
  #fraction = 0;
  /** Share that was done when it began to generate. */
  #before = 0;
  #start = 0;

  /** `clock` returns milliseconds. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** The model is being opened: `opening` is the share of that. */
  open(opening: number, millisecondsLeft: number | undefined): JobTime {
    return this.#time(opening * OPENING_SHARE, millisecondsLeft);
  }

  /** It begins to generate. `estimate` is how long the last job like it would have taken. */
  begin(estimate: number | undefined): JobTime {
    this.#before = this.#fraction;
    this.#start = this.#clock();
    return this.#time(this.#before, estimate);
  }

  /** A step is done. */
  step(millisecondsLeft: number | undefined): JobTime {
    if (millisecondsLeft === undefined) return this.#time(this.#fraction, undefined);
    const { elapsed } = this;
    const generated = elapsed / Math.max(elapsed + millisecondsLeft, 1);
    return this.#time(this.#before + (1 - this.#before) * generated, millisecondsLeft);
  }

  /** Milliseconds since it began to generate. */
  get elapsed(): number {
    return this.#clock() - this.#start;
  }

  #time(fraction: number, millisecondsLeft: number | undefined): JobTime {
    this.#fraction = Math.min(Math.max(this.#fraction, fraction), 1);
    return { fraction: this.#fraction, millisecondsLeft };
  }
}
