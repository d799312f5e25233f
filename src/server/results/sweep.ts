import { endOfFile, SWEPT_PREFIXES } from "./file-keys.js";
import type { MemoryBounds } from "./memory-store.js";
import type { FileStore, StoredFile } from "./types.js";

/** What a sweeper needs. Above the bounds, the oldest files go. */
export interface SweepOptions extends MemoryBounds {
  readonly store: FileStore;
  /** Hears why a sweep failed. The next one tries again. */
  readonly onWarning: (message: string) => void;
}

/** How often a store is swept, in milliseconds. */
const SWEEP_MS = 60_000;

/** Removes files whose time is over from a store. Several servers may sweep one store. */
export class Sweeper {
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;

  constructor(
    private readonly options: SweepOptions,
    private readonly now: () => number,
  ) {
    this.#timer = setInterval(() => void this.sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  /** Sweeps once. A call during a sweep waits for it. */
  sweep(): Promise<void> {
    this.#running ??= this.#sweep()
      .catch((error: unknown) => {
        this.options.onWarning(`old results stay: ${error instanceof Error ? error.message : String(error)}`);
      })
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #sweep(): Promise<void> {
    const { store, maxBytes, maxFiles } = this.options;
    const kept: StoredFile[] = [];
    for (const prefix of SWEPT_PREFIXES) {
      for await (const file of store.list(prefix)) {
        const end = endOfFile(file);
        if (end === undefined) continue;
        if (end <= this.now()) await store.remove(file.key);
        else kept.push(file);
      }
    }
    kept.sort((a, b) => a.modified - b.modified);
    let bytes = kept.reduce((sum, file) => sum + file.bytes, 0);
    for (let i = 0; i < kept.length && (bytes > maxBytes || kept.length - i > maxFiles); i++) {
      await store.remove(kept[i]!.key);
      bytes -= kept[i]!.bytes;
    }
  }
}
