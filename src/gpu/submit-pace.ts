/** Milliseconds that the commands of a submit should take: far less than the two seconds after which drivers reset a device. */
const TARGET = 50;
/** Few enough for the first submit on a slow device. */
const FIRST = 32;
/** A submit costs about as much as encoding twenty commands. */
const LEAST = 8;
const MOST = 512;

/**
 * How many commands to submit at once, so that no submit runs so long that a driver resets the device. It is measured: the time
 * between two moments at which the device has caught up, by the commands in between.
 */
export class SubmitPace {
  #limit = FIRST;
  #submitted = 0;
  #done = 0;
  /** When the device began with the first command that is not done. */
  #start = 0;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Most commands of a submit. */
  get limit(): number {
    return this.#limit;
  }

  /** Counts submitted commands. Returns a mark for `done`. */
  submit(commands: number): number {
    if (this.#submitted === this.#done) this.#start = this.now();
    this.#submitted += commands;
    return this.#submitted;
  }

  /** The device has run all commands up to `mark`. */
  done(mark: number): void {
    const commands = mark - this.#done;
    // Another stream may have waited for more.
    if (commands <= 0) return;
    const now = this.now();
    const each = Math.max(now - this.#start, 0.001) / commands;
    this.#limit = Math.max(LEAST, Math.min(MOST, Math.floor(TARGET / each)));
    this.#done = mark;
    this.#start = now;
  }
}
