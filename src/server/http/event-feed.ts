/** Events between a job that makes them and the stream that sends them. */
export class EventFeed<Event> {
  readonly #events: { event: Event; readonly key: string | undefined }[] = [];
  #end: { readonly error: unknown } | undefined;
  #isAlive = false;
  #wake: (() => void) | undefined;

  /** Notes that the job was accepted, before it has an event. */
  begin(): void {
    // Progress says so again and again, and is no event.
    if (this.#isAlive) return;
    this.#isAlive = true;
    this.#wake?.();
  }

  /**
   * Adds an event. One with a key takes the place of the event with this key that still waits, so that a slow reader gets the
   * newest, and what waits for it stays small.
   */
  push(event: Event, key?: string): void {
    const waiting = key === undefined ? undefined : this.#events.find((one) => one.key === key);
    if (waiting) waiting.event = event;
    else this.#events.push({ event, key });
    this.#isAlive = true;
    this.#wake?.();
  }

  /** Ends the feed after the events that it has. */
  end(): void {
    this.#end ??= { error: undefined };
    this.#wake?.();
  }

  /** Ends the feed with an error after the events that it has. */
  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  /** Resolves when the job was accepted or after some time, and rejects if it failed before. */
  async begun(milliseconds: number): Promise<void> {
    if (!this.#isAlive && !this.#end) await this.#change(milliseconds);
    if (!this.#isAlive && this.#end?.error !== undefined) throw this.#end.error as Error;
  }

  /** The next event; "silent" if there is none for some time; "end". Rejects with the error of `fail`. */
  async next(milliseconds: number): Promise<Event | "silent" | "end"> {
    if (this.#events.length === 0 && !this.#end) await this.#change(milliseconds);
    const first = this.#events.shift();
    if (first) return first.event;
    if (!this.#end) return "silent";
    if (this.#end.error !== undefined) throw this.#end.error as Error;
    return "end";
  }

  /** Waits until something happens, at most for some time. */
  #change(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
