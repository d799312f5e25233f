import { DisposedError } from "../platform/disposed-error.js";
import { InternalError } from "../platform/internal-error.js";
import { GpuError, GpuLimitError } from "./errors.js";
import type { BufferPool } from "./pool.js";

/**
 * A range of GPU memory that is allocated when first used. Being lazy lets a dry run (warm-up) walk through a whole
 * forward pass without touching memory, and lets weights be declared before their file is read.
 */
export class GpuStorage {
  #buffer: GPUBuffer | undefined;
  #isEvicted = false;
  #references = 1;

  constructor(
    private readonly pool: BufferPool,
    /** Bytes in use; the buffer behind may be larger. */
    readonly byteLength: number,
    readonly label: string,
    /** What to do where it is larger than the adapter allows. */
    advice = "Use a smaller batch or image size.",
  ) {
    const limit = pool.maxBindingSize;
    if (byteLength > limit) {
      throw new GpuLimitError(
        `${label} needs ${byteLength} bytes in one binding, this adapter allows ${limit} (maxStorageBufferBindingSize). ${advice}`,
      );
    }
  }

  /** The buffer, allocated on first access. */
  get buffer(): GPUBuffer {
    if (this.#references === 0)
      throw new DisposedError(`${this.label} was used after it was disposed.`, { code: "device/disposed" });
    if (this.#isEvicted) throw new GpuError(`${this.label} was used while its weights were not loaded.`);
    this.#buffer ??= this.pool.acquire(this.byteLength, this.label);
    return this.#buffer;
  }

  /** Takes its memory now. */
  allocate(): void {
    this.#buffer = this.buffer;
  }

  get isAllocated(): boolean {
    return this.#buffer !== undefined;
  }

  get isDisposed(): boolean {
    return this.#references === 0;
  }

  /** Adds an owner: each owner calls `release` once. */
  retain(): void {
    this.#references++;
  }

  /** Returns the buffer to the pool though the owners stay. Its content is lost, and using it an error until `admit`. */
  evict(): void {
    this.#isEvicted = true;
    this.#free();
  }

  /** Lets an evicted storage be used again. */
  admit(): void {
    this.#isEvicted = false;
  }

  /** Takes over the buffer of another storage of the same size, which is left without one. */
  take(other: GpuStorage): void {
    if (other.byteLength !== this.byteLength) {
      throw new InternalError(`${this.label} has ${this.byteLength} bytes, ${other.label} ${other.byteLength}.`);
    }
    const buffer = other.buffer;
    other.#buffer = undefined;
    this.#free();
    this.#buffer = buffer;
  }

  /** Gives up one ownership; the last one returns the buffer to the pool, where work encoded later may reuse it. */
  release(): void {
    if (this.#references === 0) return;
    if (--this.#references === 0) this.#free();
  }

  #free(): void {
    if (this.#buffer) this.pool.release(this.#buffer, this.byteLength);
    this.#buffer = undefined;
  }
}
