/** Events between a job that makes them and the stream that sends them. */
export class EventFeed<Event> {
  readonly #events: Event[] = [];
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

  push(event: Event): void {
    this.#events.push(event);
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
    const event = this.#events.shift();
    if (event !== undefined) return event;
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
