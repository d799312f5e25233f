/** What keeps a message. */
export type Holder = "pointer" | "focus";

/** The time of a message: it stands still while something holds it, and is counted anew after that. */
export class Countdown {
  readonly #time: number;
  readonly #onEnd: () => void;
  readonly #holders = new Set<Holder>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Begins to count `time`, in milliseconds. */
  constructor(time: number, onEnd: () => void) {
    this.#time = time;
    this.#onEnd = onEnd;
    this.#count();
  }

  hold(by: Holder): void {
    this.#holders.add(by);
    this.stop();
  }

  release(by: Holder): void {
    this.#holders.delete(by);
    if (this.#holders.size === 0) this.#count();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #count(): void {
    this.stop();
    this.#timer = setTimeout(this.#onEnd, this.#time);
  }
}
