import type { Block, OnBlock, Range, StorageMemory } from "./block.js";
import { sizeClass, type BlockKeeper, type BlockPool } from "./pool.js";

/**
 * Memory of one stream. What it frees it may use again at once, as its commands run in order; anybody else may only when
 * these commands are submitted (`handOver`).
 */
export class StreamMemory implements StorageMemory, BlockKeeper {
  readonly #freed = new Map<number, Block[]>();
  /** Blocks that are not worth keeping. */
  readonly #condemned: Block[] = [];
  /** Blocks for which the device had no memory. */
  readonly #unsound: Block[] = [];
  #isClosed = false;

  constructor(
    private readonly pool: BlockPool,
    /** Has every stream submit what it queued. */
    private readonly flushAll: () => void,
  ) {
    pool.addKeeper(this);
  }

  get maxBindingSize(): number {
    return this.pool.maxBindingSize;
  }

  acquire(bytes: number, label: string, onBlock: OnBlock): Range {
    const size = sizeClass(bytes);
    const block = this.#reuse(size) ?? this.pool.acquire(size, label, onBlock);
    this.pool.countTensors(1);
    return { block, offset: 0 };
  }

  #reuse(size: number): Block | undefined {
    const list = this.#freed.get(size);
    for (let block = list?.pop(); block; block = list?.pop()) {
      if (block.isSound === false) {
        this.#unsound.push(block);
        continue;
      }
      this.pool.reused(block);
      return block;
    }
    return undefined;
  }

  release({ block }: Range, isForeign: boolean): void {
    if (isForeign) this.flushAll();
    this.pool.countTensors(-1);
    const isKept = this.pool.freed(block);
    if (this.#isClosed) {
      if (isKept) this.pool.keep(block);
      else this.pool.discard(block);
      return;
    }
    if (!isKept) {
      this.#condemned.push(block);
      return;
    }
    const list = this.#freed.get(block.bytes);
    if (list) list.push(block);
    else this.#freed.set(block.bytes, [block]);
  }

  /** Gives what was freed to the pool; to be called when no command that used it waits to be submitted. */
  handOver(): void {
    for (const [size, list] of this.#freed) {
      // Until the device has said whether it had memory for a block, it stays with the stream that asked for it.
      const unknown = list.filter(({ isSound }) => isSound === undefined);
      for (const block of list) if (block.isSound !== undefined) this.pool.keep(block);
      if (unknown.length > 0) this.#freed.set(size, unknown);
      else this.#freed.delete(size);
    }
    for (const block of this.#unsound.splice(0)) this.pool.keep(block);
    this.#discard();
  }

  #discard(): void {
    for (const block of this.#condemned.splice(0)) this.pool.discard(block);
  }

  surrender(): readonly Block[] {
    const blocks = [...this.#freed.values(), this.#unsound.splice(0)].flat();
    this.#freed.clear();
    return blocks;
  }

  /** Gives everything that was freed to the pool, also what will be freed from now on. */
  close(): void {
    this.#isClosed = true;
    for (const block of this.surrender()) this.pool.keep(block);
    this.#discard();
    this.pool.removeKeeper(this);
  }
}
