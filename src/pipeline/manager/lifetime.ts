import { DisposedError } from "../../platform/disposed-error.js";

const DISPOSED = { code: "manager/disposed" } as const;

/** From the creation of a model manager until it is disposed. */
export class Lifetime {
  #isOver = false;

  /** False where it was over before. */
  end(): boolean {
    const ends = !this.#isOver;
    this.#isOver = true;
    return ends;
  }

  /** Runs what needs the models. Rejects with `DisposedError` where they are disposed, before or meanwhile. */
  async run<T>(body: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#isOver)
      throw new DisposedError("The model manager was disposed.", { ...DISPOSED, advice: "Create another to go on." });
    return body().catch((cause: unknown) => {
      const isOurs = isOfManager(cause) || (signal?.aborted === true && cause === signal.reason);
      if (!this.#isOver || isOurs) throw cause;
      throw new DisposedError("The model manager was disposed while its models were used.", { ...DISPOSED, cause });
    });
  }
}

function isOfManager(cause: unknown): boolean {
  return cause instanceof DisposedError && cause.code === DISPOSED.code;
}
