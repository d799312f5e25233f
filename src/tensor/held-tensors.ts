import { tensorsIn } from "./arena.js";
import type { Tensor, TensorArena } from "./tensor.js";

/** Tensors that outlive scopes and are freed together. For asynchronous calls. */
export class HeldTensors {
  readonly #held: Tensor[] = [];

  /** The caller disposes it. */
  constructor(readonly arena: TensorArena) {}

  /** Runs `body` in a scope and keeps the tensors of its result (see `Arena.scope`). */
  hold<T>(body: () => T): T {
    const result = this.arena.scope(body);
    this.#held.push(...tensorsIn(result));
    return result;
  }

  dispose(): void {
    for (const tensor of this.#held.splice(0)) tensor.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
