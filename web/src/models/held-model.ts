import type { Engine, OpenModel, OpenOptions, OpenProgress } from "../engine/engine.js";
import { Opening, type OpeningState } from "../engine/opening.js";
import type { ModelChoice } from "./model-choice.js";

/** How a model is loaded. */
export type Loading = Pick<OpenOptions, "dtype" | "weights">;

/** Called with how far the opening is. */
export type OnOpening = (opening: OpeningState) => void;

/** A model that is being opened, or open, and who needs it. */
export class HeldModel {
  readonly choice: ModelChoice;
  readonly loading: Loading;
  readonly opened: Promise<OpenModel>;
  /** The model once it is open. */
  model: OpenModel | undefined;
  /** Whether a person opened it, rather than a job: it stays if no job waits for it. */
  isWanted = false;
  readonly #opening: Opening;
  readonly #waiting = new Set<OnOpening>();
  readonly #controller = new AbortController();
  readonly #onChange: (() => void)[] = [];
  #users = 0;
  #isClosed = false;

  constructor(
    engine: Engine,
    { choice, loading, recordAs }: { choice: ModelChoice; loading: Loading; recordAs: string | undefined },
    onProgress: OnOpening,
  ) {
    this.choice = choice;
    this.loading = loading;
    this.#opening = new Opening(choice.downloadBytes);
    const report = (progress: OpenProgress): void => {
      if (this.#isClosed) return;
      this.#opening.add(progress);
      onProgress(this.#opening.state);
      for (const listener of this.#waiting) listener(this.#opening.state);
    };
    const { signal } = this.#controller;
    this.opened = engine.open(choice.config, { ...loading, recordAs, signal, onProgress: report }).then((model) => {
      if (this.#isClosed) model.dispose();
      signal.throwIfAborted();
      this.model = model;
      return model;
    });
    // Whoever waits for it hears of a failure.
    this.opened.catch(() => undefined);
  }

  /** Whether somebody waits for it, or uses it. */
  get isNeeded(): boolean {
    return this.isWanted || this.#waiting.size > 0 || this.#users > 0;
  }

  /** Whether a job waits for it, or somebody uses it. Whoever opens another model then lets them go first. */
  get isAwaited(): boolean {
    return this.#waiting.size > 0 || this.#users > 0;
  }

  /** Whether it was closed. Whoever waits for it then hears of an abort. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Waits until it is open; the caller then calls `use`. Without `onOpening`, the wait does not make it needed. */
  async wait(onOpening: OnOpening | undefined, signal: AbortSignal): Promise<OpenModel> {
    if (onOpening) {
      this.#waiting.add(onOpening);
      onOpening(this.#opening.state);
    }
    try {
      const model = await orAborted(this.opened, signal);
      // Counted before the wait is over, so that nobody finds it free in between.
      this.#users++;
      return model;
    } finally {
      if (onOpening) this.#waiting.delete(onOpening);
      this.#tellChange();
    }
  }

  /** Runs `body` for whoever waited for it; until it ends, the model stays open. */
  async use<T>(model: OpenModel, body: (model: OpenModel) => Promise<T>): Promise<T> {
    try {
      return await body(model);
    } finally {
      this.#users--;
      this.#tellChange();
    }
  }

  /** Resolves once no job waits for it, and nobody uses it. */
  async whenFree(): Promise<void> {
    while (this.isAwaited) await this.#change();
  }

  /**
   * Frees it: what is being opened at once, and what is open once nobody uses it. Downloads that have begun are kept.
   * Resolves once it is freed.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#controller.abort();
    while (this.#users > 0) await this.#change();
    this.model?.dispose();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#onChange.push(resolve));
  }

  #tellChange(): void {
    for (const resolve of this.#onChange.splice(0)) resolve();
  }
}

/** Resolves as the promise; rejects with the reason of the signal if it is aborted before. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener("abort", onAbort);
    });
  });
}
