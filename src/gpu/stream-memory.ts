import type { Block, OnBlock, Range, StorageMemory } from "./block.js";
import { FreeBlocks } from "./free-blocks.js";
import { blockSize, type BlockKeeper, type BlockPool } from "./pool.js";

/**
 * Memory of one stream. The stream can reuse what it freed immediately, because its commands run in order. Others can
 * reuse it only after these commands are submitted (`returnFreed`).
 */
export class StreamMemory implements StorageMemory, BlockKeeper {
  readonly #freed = new FreeBlocks();
  /** Freed blocks beyond the limit of the pool, to be destroyed. */
  readonly #unwanted: Block[] = [];
  /** Freed blocks for which the device had no memory. */
  readonly #invalid: Block[] = [];
  #isClosed = false;

  constructor(
    private readonly pool: BlockPool,
    /** Makes every stream submit what it queued. */
    private readonly flushAll: () => void,
  ) {
    pool.addKeeper(this);
  }

  get maxBufferSize(): number {
    return this.pool.maxBufferSize;
  }

  acquire(bytes: number, label: string, onBlock: OnBlock): Range {
    const size = blockSize(bytes, this.maxBufferSize);
    const block = this.#reuse(size) ?? this.pool.acquire(size, label, onBlock);
    this.pool.countTensors(1);
    return { block, offset: 0 };
  }

  #reuse(size: number): Block | undefined {
    for (let block = this.#freed.oldest(size); block; block = this.#freed.oldest(size)) {
      const other = this.pool.oldestFree(size);
      if (other && other.serial < block.serial) return undefined;
      this.#freed.takeOldest(size);
      if (block.isValid === false) {
        this.#invalid.push(block);
        continue;
      }
      this.pool.countReused(block);
      return block;
    }
    return undefined;
  }

  release({ block }: Range, isForeign: boolean): void {
    if (isForeign) this.flushAll();
    this.pool.countTensors(-1);
    const isKept = this.pool.countFreed(block);
    if (this.#isClosed) {
      if (isKept) this.pool.recycle(block);
      else this.pool.discard(block);
      return;
    }
    if (!isKept) {
      this.#unwanted.push(block);
      return;
    }
    this.#freed.add(block);
  }

  /** Returns freed blocks to the pool. Call it only when no queued command uses them. */
  returnFreed(): void {
    for (const block of this.#freed.takeAll()) {
      // Until the device reports whether it had memory for a block, the block stays with the stream that acquired it.
      if (block.isValid === undefined) this.#freed.add(block);
      else this.pool.recycle(block);
    }
    for (const block of this.#invalid.splice(0)) this.pool.recycle(block);
    this.#discard();
  }

  #discard(): void {
    for (const block of this.#unwanted.splice(0)) this.pool.discard(block);
  }

  releaseKept(): readonly Block[] {
    return [...this.#freed.takeAll(), ...this.#invalid.splice(0)];
  }

  /** Returns all freed blocks to the pool, and from now on every block as soon as it is freed. */
  close(): void {
    this.#isClosed = true;
    for (const block of this.releaseKept()) this.pool.recycle(block);
    this.#discard();
    this.pool.removeKeeper(this);
  }
}
