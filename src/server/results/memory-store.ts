import type { FileStore, StoredFile } from "./types.js";

/** Bounds of a store in memory. The oldest files are removed above them. */
export interface MemoryBounds {
  readonly maxBytes: number;
  readonly maxFiles: number;
}

interface KeptFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly modified: number;
}

/** Keeps files in the memory of this process, the newest that fit. */
export class MemoryStore implements FileStore {
  /** In the order in which they were put. */
  readonly #files = new Map<string, KeptFile>();
  #bytes = 0;

  constructor(
    private readonly bounds: MemoryBounds,
    private readonly now: () => number,
  ) {}

  put(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#drop(key);
    // A part of a larger buffer would keep all of it.
    this.#files.set(key, { bytes: bytes.slice(), modified: this.now() });
    this.#bytes += bytes.byteLength;
    for (const oldest of this.#files.keys()) {
      if (this.#bytes <= this.bounds.maxBytes && this.#files.size <= this.bounds.maxFiles) break;
      this.#drop(oldest);
    }
    return Promise.resolve();
  }

  get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return Promise.resolve(this.#files.get(key)?.bytes);
  }

  remove(key: string): Promise<void> {
    this.#drop(key);
    return Promise.resolve();
  }

  async *list(prefix: string): AsyncIterable<StoredFile> {
    for (const [key, { bytes, modified }] of [...this.#files]) {
      if (key.startsWith(prefix)) yield await Promise.resolve({ key, bytes: bytes.byteLength, modified });
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#files.get(key)?.bytes.byteLength ?? 0;
    this.#files.delete(key);
  }
}
