import type { Block, OnBlock, Range, StorageMemory } from "./block.js";
import { FreeBlocks } from "./free-blocks.js";
import { blockSize, type BlockKeeper, type BlockPool } from "./pool.js";

/** Freed blocks that only some work of a stream may use. */
export interface KeptBlocks {
  readonly free: FreeBlocks;
  /** Called when some are destroyed, because memory is needed or they are more than the pool keeps. */
  readonly onLoss: () => void;
}

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
  /** Freed blocks that are kept for repeated work. */
  readonly #kept = new Set<KeptBlocks>();
  /** Those of the work that is being encoded. */
  #own: KeptBlocks | undefined;
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
    const block = this.#reuseOwn(size) ?? this.#reuse(size) ?? this.pool.acquire(size, label, onBlock);
    this.pool.countTensors(1);
    return { block, offset: 0 };
  }

  /** Keeps memory for some work. `onLoss` is called when some of it is destroyed. Until `returnKept`, nothing else gets it. */
  keepBlocks(onLoss: () => void): KeptBlocks {
    const kept = { free: new FreeBlocks(), onLoss };
    this.#kept.add(kept);
    return kept;
  }

  /** Runs `body`: what it allocates comes from the kept blocks if they suffice, and what it frees is added to them. */
  using<T>(kept: KeptBlocks, body: () => T): T {
    const outer = this.#own;
    this.#own = kept;
    try {
      return body();
    } finally {
      this.#own = outer;
    }
  }

  /** Makes kept blocks free for all. */
  returnKept(kept: KeptBlocks): void {
    this.#kept.delete(kept);
    for (const block of kept.free.takeAll()) {
      if (this.#isClosed) this.pool.recycle(block);
      else this.#freed.add(block);
    }
  }

  #reuseOwn(size: number): Block | undefined {
    const free = this.#own?.free;
    for (let block = free?.takeOldest(size); block; block = free?.takeOldest(size)) {
      if (block.isValid === false) {
        this.#invalid.push(block);
        continue;
      }
      this.pool.countReused(block);
      return block;
    }
    return undefined;
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
    const own = this.#isClosed ? undefined : this.#own;
    if (own) this.pool.makeRoomFor(block);
    const isKept = this.pool.countFreed(block);
    if (this.#isClosed) {
      if (isKept) this.pool.recycle(block);
      else this.pool.discard(block);
      return;
    }
    if (isKept) (own?.free ?? this.#freed).add(block);
    else {
      this.#unwanted.push(block);
      own?.onLoss();
    }
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
    const kept = [...this.#kept].flatMap(({ free, onLoss }) => {
      onLoss();
      return free.takeAll();
    });
    return [...this.#freed.takeAll(), ...this.#invalid.splice(0), ...kept];
  }

  /** Returns all freed blocks to the pool, and from now on every block as soon as it is freed. */
  close(): void {
    this.#isClosed = true;
    for (const block of this.releaseKept()) this.pool.recycle(block);
    this.#discard();
    this.pool.removeKeeper(this);
  }
}
