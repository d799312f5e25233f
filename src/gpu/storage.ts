import type { Block, OnBlock, Range, StorageMemory } from "./block.js";
import { DisposedError } from "../platform/disposed-error.js";
import { GpuError, GpuLimitError } from "./errors.js";

/** A user of storages: the executor of a stream. */
export interface StorageUser {
  readonly memory: StorageMemory;
  readonly onBlock: OnBlock;
}

/** Bytes of a storage that a kernel binds, or that are copied. */
export interface StorageRange {
  readonly storage: GpuStorage;
  readonly offset: number;
  readonly byteLength: number;
}

/**
 * A range of GPU memory that is allocated at its first use. So a dry run can go through a whole forward pass without
 * memory, and weights can be declared before their file is read. As a `StorageRange` it is all of its bytes.
 */
export class GpuStorage implements StorageRange {
  readonly offset = 0;
  #memory: StorageMemory;
  #range: Range | undefined;
  #isOffloaded = false;
  #isForeign = false;
  #references = 1;

  constructor(
    memory: StorageMemory,
    /** Bytes in use; its block may be larger. */
    readonly byteLength: number,
    readonly label: string,
    /** What to do if it is larger than a buffer may be. */
    advice = "Use a smaller batch or image size.",
  ) {
    this.#memory = memory;
    const limit = memory.maxBufferSize;
    if (byteLength > limit) {
      throw new GpuLimitError(
        `${label} needs ${byteLength} bytes in one buffer, but this adapter allows only ${limit} (maxBufferSize). ${advice}`,
      );
    }
  }

  get storage(): this {
    return this;
  }

  /** Returns its range. The first call allocates the memory. */
  locate(user: StorageUser): Range {
    if (this.#references === 0)
      throw new DisposedError(`${this.label} was used after it was disposed.`, { code: "device/disposed" });
    if (this.#isOffloaded) throw new GpuError(`${this.label} was used while its weights were not loaded.`);
    this.#range ??= this.#memory.acquire(this.byteLength, this.label, user.onBlock);
    if (user.memory !== this.#memory) this.#isForeign = true;
    return this.#range;
  }

  /** Sets the memory that it is allocated from. Call it before the first use. */
  placeIn(memory: StorageMemory): void {
    if (this.#range) throw new GpuError(`${this.label} cannot be moved to other memory: it is allocated already.`);
    this.#memory = memory;
  }

  /** Assigns a range that its memory acquired. */
  assign(range: Range): void {
    if (this.#references === 0) {
      this.#memory.release(range, false);
      return;
    }
    this.#free();
    this.#range = range;
    this.#isOffloaded = false;
  }

  /** Whether others than the owner of this memory may use it. */
  isSharedBeyond(memory: StorageMemory): boolean {
    return this.#isForeign || memory !== this.#memory;
  }

  get isDisposed(): boolean {
    return this.#references === 0;
  }

  /** Adds an owner. Each owner must call `release` once. */
  retain(): void {
    this.#references++;
  }

  /** Frees its memory although it has owners. The content is lost, and it must not be used until the next `assign`. */
  offload(): void {
    this.#isOffloaded = true;
    this.#free();
  }

  /** Removes an owner. The last one frees the memory. */
  release(): void {
    if (this.#references === 0) return;
    if (--this.#references === 0) this.#free();
  }

  #free(): void {
    const range = this.#range;
    this.#range = undefined;
    if (range) this.#memory.release(range, this.#isForeign);
    this.#isForeign = false;
  }
}

/** Returns the buffer of a block. Throws `GpuError` if memory is only counted, because then there is none. */
export function bufferOf({ buffer }: Block): GPUBuffer {
  if (!buffer) throw new GpuError("Memory that was only counted was used on a device.");
  return buffer;
}
