import { DisposedError } from "../../platform/disposed-error.js";

const DISPOSED = { code: "manager/disposed" } as const;

/** The time from the creation of a model manager to its disposal. */
export class Lifetime {
  #isOver = false;

  /** Ends the lifetime. Returns false if it had ended before. */
  end(): boolean {
    const ends = !this.#isOver;
    this.#isOver = true;
    return ends;
  }

  /** Runs `body`, which needs the models. Rejects with `DisposedError` if they are disposed before or during it. */
  async run<T>(body: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#isOver)
      throw new DisposedError("The model manager was disposed.", { ...DISPOSED, advice: "Create another." });
    return body().catch((cause: unknown) => {
      const isOurs = isOfManager(cause) || (signal?.aborted === true && cause === signal.reason);
      if (!this.#isOver || isOurs) throw cause;
      throw new DisposedError("The model manager was disposed while its models were in use.", { ...DISPOSED, cause });
    });
  }
}

function isOfManager(cause: unknown): boolean {
  return cause instanceof DisposedError && cause.code === DISPOSED.code;
}
