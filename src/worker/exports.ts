import type { AnyFunction, SplitArguments } from "./outgoing.js";

/** What the page's functions and signals need of the worker. */
export interface ExportTarget {
  /** The signal was aborted. */
  onAbort(signal: number): void;
}

/** Functions and signals of the page that the worker knows by id. */
export class Exports {
  readonly #functions = new Map<number, { readonly call: AnyFunction; readonly onError: (error: unknown) => void }>();
  readonly #signals = new Map<number, AbortSignal>();

  constructor(private readonly target: ExportTarget) {}

  /**
   * Adds those of a call. `onError` gets what its functions throw. Returns what removes them again, when the worker does not use
   * them any more.
   */
  add({ callbacks, signals }: SplitArguments, onError: (error: unknown) => void): () => void {
    const removals = signals.map(({ slot, value }) => this.#addSignal(slot.id, value));
    for (const { slot, value } of callbacks) this.#functions.set(slot.id, { call: value, onError });
    return () => {
      for (const remove of removals) remove();
      for (const { slot } of callbacks) this.#functions.delete(slot.id);
    };
  }

  #addSignal(id: number, signal: AbortSignal): () => void {
    const onAbort = (): void => {
      this.target.onAbort(id);
    };
    this.#signals.set(id, signal);
    signal.addEventListener("abort", onAbort, { once: true });
    return () => {
      signal.removeEventListener("abort", onAbort);
      this.#signals.delete(id);
    };
  }

  /** Why a signal was aborted. */
  reasonOf(signal: number): unknown {
    return this.#signals.get(signal)?.reason;
  }

  /** Calls a function. What it throws goes to its call, not to the worker. */
  async call(id: number, args: readonly unknown[]): Promise<void> {
    const known = this.#functions.get(id);
    try {
      await known?.call(...args);
    } catch (error) {
      known?.onError(error);
    }
  }
}
