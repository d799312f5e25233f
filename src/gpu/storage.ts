import type { Block, OnBlock, Range, StorageMemory } from "./block.js";
import { DisposedError } from "../platform/disposed-error.js";
import { GpuError, GpuLimitError } from "./errors.js";

/** Who uses storages: a stream's executor. */
export interface StorageUser {
  readonly memory: StorageMemory;
  readonly onBlock: OnBlock;
}

/**
 * A range of GPU memory that is allocated when first used. Being lazy lets a dry run walk through a whole forward pass
 * without touching memory, and lets weights be declared before their file is read.
 */
export class GpuStorage {
  #memory: StorageMemory;
  #range: Range | undefined;
  #isEvicted = false;
  #isForeign = false;
  #references = 1;

  constructor(
    memory: StorageMemory,
    /** Bytes in use; the block behind may be larger. */
    readonly byteLength: number,
    readonly label: string,
    /** What to do where it is larger than the adapter allows. */
    advice = "Use a smaller batch or image size.",
  ) {
    this.#memory = memory;
    const limit = memory.maxBindingSize;
    if (byteLength > limit) {
      throw new GpuLimitError(
        `${label} needs ${byteLength} bytes in one binding, this adapter allows ${limit} (maxStorageBufferBindingSize). ${advice}`,
      );
    }
  }

  /** Where it lies; memory is taken when this is first asked. */
  locate(user: StorageUser): Range {
    if (this.#references === 0)
      throw new DisposedError(`${this.label} was used after it was disposed.`, { code: "device/disposed" });
    if (this.#isEvicted) throw new GpuError(`${this.label} was used while its weights were not loaded.`);
    this.#range ??= this.#memory.acquire(this.byteLength, this.label, user.onBlock);
    if (user.memory !== this.#memory) this.#isForeign = true;
    return this.#range;
  }

  /** Has it take its memory from elsewhere; before it is first used. */
  placeIn(memory: StorageMemory): void {
    if (this.#range) throw new GpuError(`${this.label} was placed elsewhere while in use.`);
    this.#memory = memory;
  }

  /** Takes over a range that its memory gave. */
  settle(range: Range): void {
    if (this.#references === 0) {
      this.#memory.release(range, false);
      return;
    }
    this.#free();
    this.#range = range;
    this.#isEvicted = false;
  }

  /** Whether anybody but the owner of this memory may use it. */
  isSharedBeyond(memory: StorageMemory): boolean {
    return this.#isForeign || memory !== this.#memory;
  }

  get isDisposed(): boolean {
    return this.#references === 0;
  }

  /** Adds an owner: each owner calls `release` once. */
  retain(): void {
    this.#references++;
  }

  /** Gives its memory back though the owners stay. Its content is lost, and using it an error until `settle`. */
  evict(): void {
    this.#isEvicted = true;
    this.#free();
  }

  /** Gives up one ownership; the last one gives the memory back. */
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

/** The block of a range that commands use: where memory is only counted there is no buffer. */
export function bufferOf({ buffer }: Block): GPUBuffer {
  if (!buffer) throw new GpuError("Memory that was only counted was used on a device.");
  return buffer;
}
