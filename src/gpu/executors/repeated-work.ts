import type { KeptBlocks, StreamMemory } from "../stream-memory.js";

/**
 * Work that is done many times on the same memory, like the passes of a sampling loop. It keeps the memory of its temporary
 * storages: nothing else gets it between two runs. The caller disposes it.
 */
export interface RepeatedWork {
  /**
   * Runs `body`, which only encodes commands, and returns its result. An executor that runs commands records them the first
   * time; later runs of the same `kind` encode the recorded commands again and return the first result. So all storages that
   * `body` uses and does not free must stay as they are, and what differs from run to run must be in their content.
   */
  run<T>(kind: string, body: () => T): T;
  dispose(): void;
  [Symbol.dispose](): void;
}

/** Executor of repeated work that is encoded anew each time, on the same memory. */
export class EncodedAnew implements RepeatedWork {
  readonly #blocks: KeptBlocks;

  constructor(private readonly memory: StreamMemory) {
    this.#blocks = memory.keepBlocks(() => undefined);
  }

  run<T>(_kind: string, body: () => T): T {
    return this.memory.using(this.#blocks, body);
  }

  dispose(): void {
    this.memory.returnKept(this.#blocks);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
