import type { CallMessage, CallbackMessage, Slot } from "../protocol.js";

/** Functions and signals of the page, as the worker has them. */
export class Incoming {
  readonly #controllers = new Map<number, AbortController>();
  readonly #waiting = new Map<number, () => void>();
  #nextId = 1;

  /** `send` sends a message to the page. */
  constructor(private readonly send: (message: CallbackMessage) => void) {}

  /** Returns the arguments of a call, with functions and signals in their places. */
  arguments({ args, callbacks, signals }: CallMessage): unknown[] {
    const whole = [...args];
    const place = ({ argument, key }: Slot, value: unknown): void => {
      whole[argument] = { ...(whole[argument] as object), [key]: value };
    };
    for (const slot of callbacks) place(slot, (...given: readonly unknown[]) => this.#call(slot.id, given));
    for (const slot of signals) place(slot, this.#controllerOf(slot.id).signal);
    return whole;
  }

  #controllerOf(id: number): AbortController {
    const controller = new AbortController();
    this.#controllers.set(id, controller);
    return controller;
  }

  /** Calls a function of the page. Resolves when it has returned. */
  #call(callback: number, args: readonly unknown[]): Promise<void> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.send({ kind: "callback", id, callback, args });
    });
  }

  /** A function has returned. */
  returned(id: number): void {
    this.#waiting.get(id)?.();
    this.#waiting.delete(id);
  }

  /** A signal of the page was aborted. */
  abort(signal: number): void {
    // Its own reason is a value that nothing else rejects with.
    this.#controllers.get(signal)?.abort();
  }

  /** The signal that has a value as its reason. */
  signalOf(reason: unknown): number | undefined {
    for (const [id, { signal }] of this.#controllers) if (signal.aborted && signal.reason === reason) return id;
    return undefined;
  }

  /** Forgets the signals of a call that the worker does not use any more. */
  release(signals: readonly Slot[]): void {
    for (const { id } of signals) this.#controllers.delete(id);
  }
}
