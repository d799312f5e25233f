import { Block, type OnBlock } from "./block.js";
import { GpuOutOfMemoryError } from "./errors.js";
import { FreeBlocks } from "./free-blocks.js";

/** Use of the memory of a device. */
export interface GpuMemory {
  /** Number of tensors in use. */
  live: number;
  /** Bytes of tensors in use. */
  liveBytes: number;
  /** Largest `liveBytes` since the device was opened, or since `resetPeaks`. */
  peakBytes: number;
  /** Bytes kept for reuse. */
  pooledBytes: number;
  /** Largest sum of `liveBytes` and `pooledBytes`: the memory that the device allocated. */
  peakAllocatedBytes: number;
  /** Buffers created since the device was opened. A second equal run creates none. */
  created: number;
}

/** Default limit of bytes that are kept for reuse. */
const POOL_BYTES = 2 ** 30;

/** Offsets of bindings are multiples of this (WebGPU's default limit, valid on every adapter). */
export const ALIGNMENT = 256;

/** Rounds up to one of eight sizes per power of two: similar requests can share buffers, and at most 1/8 is wasted. */
export function sizeClass(bytes: number): number {
  const step = Math.max(ALIGNMENT, 2 ** Math.floor(Math.log2(Math.max(bytes, 1))) / 8);
  return Math.ceil(Math.max(bytes, 1) / step) * step;
}

/** Bytes of the block for a storage: its size class, or less if a buffer may not be as large. */
export function blockSize(bytes: number, maxBufferSize: number): number {
  return Math.max(bytes, Math.min(sizeClass(bytes), Math.floor(maxBufferSize / ALIGNMENT) * ALIGNMENT));
}

/**
 * Creates and destroys blocks.
 *
 * @internal
 */
export interface BlockSource {
  /** Bytes of the largest storage. */
  readonly maxBufferSize: number;
  create(bytes: number, label: string): Block;
  destroy(block: Block): void;
  /** Makes every stream submit what it queued, so that no queued command uses freed blocks. */
  flushAll(): void;
}

/**
 * Keeps freed blocks for its own use.
 *
 * @internal
 */
export interface BlockKeeper {
  /** Gives up all of them. No queued command may use them. */
  releaseKept(): readonly Block[];
}

/**
 * The blocks of a device by size class. No queued command uses the blocks that are kept here for reuse: streams return
 * freed blocks when they submit (`StreamMemory`).
 *
 * @internal
 */
export class BlockPool {
  readonly #free = new FreeBlocks();
  /** Freed blocks that the device has not reported on yet: no other stream may get them. */
  readonly #unknown = new Set<Block>();
  readonly #keepers = new Set<BlockKeeper>();
  readonly #memory: GpuMemory = {
    live: 0,
    liveBytes: 0,
    peakBytes: 0,
    pooledBytes: 0,
    peakAllocatedBytes: 0,
    created: 0,
  };

  /** Bytes that all blocks together may take. Infinity by default. */
  memoryLimit = Infinity;

  constructor(
    private readonly source: BlockSource,
    /** Bytes of freed blocks kept for reuse. */
    private readonly poolBytes = POOL_BYTES,
  ) {}

  get maxBufferSize(): number {
    return this.source.maxBufferSize;
  }

  /** The freed block of a size class that `acquire` would return. */
  oldestFree(bytes: number): Block | undefined {
    return this.#free.oldest(bytes);
  }

  /** Returns a block of a size class. Throws `GpuOutOfMemoryError` beyond `memoryLimit`. */
  acquire(bytes: number, label: string, onBlock: OnBlock): Block {
    const kept = this.#free.takeOldest(bytes);
    if (kept) {
      this.countReused(kept);
      return kept;
    }
    const block = this.#create(bytes, label);
    onBlock(block.outcome);
    this.#memory.created++;
    this.#memory.liveBytes += bytes;
    this.#notePeaks();
    return block;
  }

  #create(bytes: number, label: string): Block {
    const { memoryLimit, source } = this;
    const memory = this.#memory;
    if (memory.liveBytes + memory.pooledBytes + bytes > memoryLimit) this.trim();
    if (memory.liveBytes + memory.pooledBytes + bytes > memoryLimit) {
      throw new GpuOutOfMemoryError(
        `${label} needs ${bytes} bytes of GPU memory, but memoryLimit is ${memoryLimit} bytes and ${memory.liveBytes} are in use.`,
      );
    }
    return source.create(bytes, label);
  }

  /** Counts a freed block as used again. */
  countReused({ bytes }: Block): void {
    this.#memory.pooledBytes -= bytes;
    this.#memory.liveBytes += bytes;
    this.#notePeaks();
  }

  /**
   * Counts a block as freed. Once no queued command uses the block, the caller must call `recycle` if this returned
   * true, or `discard` if it returned false because enough is kept already.
   */
  countFreed({ bytes }: Block): boolean {
    const memory = this.#memory;
    memory.liveBytes -= bytes;
    if (memory.pooledBytes + bytes > this.poolBytes) return false;
    memory.pooledBytes += bytes;
    return true;
  }

  /** Destroys blocks that no stream keeps if `block` could otherwise not be kept. Call it before `countFreed`. */
  makeRoomFor({ bytes }: Block): void {
    if (this.#memory.pooledBytes + bytes <= this.poolBytes) return;
    for (const block of this.#free.takeAll()) this.#destroy(block);
  }

  /** Destroys a freed block that is not kept. */
  discard(block: Block): void {
    this.source.destroy(block);
  }

  /** Changes the number of tensors in use. */
  countTensors(change: 1 | -1): void {
    this.#memory.live += change;
  }

  /** Takes a freed block that no command uses any more. Any stream may reuse it. */
  recycle(block: Block): void {
    if (block.isValid === undefined) {
      this.#unknown.add(block);
      const settle = (): void => {
        if (this.#unknown.delete(block)) this.recycle(block);
      };
      void block.outcome.then(settle, settle);
      return;
    }
    if (!block.isValid) {
      this.#destroy(block);
      return;
    }
    this.#free.add(block);
  }

  #destroy(block: Block): void {
    this.#memory.pooledBytes -= block.bytes;
    this.source.destroy(block);
  }

  addKeeper(keeper: BlockKeeper): void {
    this.#keepers.add(keeper);
  }

  removeKeeper(keeper: BlockKeeper): void {
    this.#keepers.delete(keeper);
  }

  /** Destroys all blocks that are kept for reuse, including those that streams keep. */
  trim(): void {
    this.source.flushAll();
    const kept = [...this.#keepers].flatMap((keeper) => keeper.releaseKept());
    const idle = [...this.#free.takeAll(), ...kept, ...this.#unknown];
    this.#unknown.clear();
    for (const block of idle) this.#destroy(block);
  }

  /** Resets the peaks to the current values. */
  resetPeaks(): void {
    const memory = this.#memory;
    memory.peakBytes = memory.liveBytes;
    memory.peakAllocatedBytes = memory.liveBytes + memory.pooledBytes;
  }

  /** Raises the peaks to those of before. */
  raisePeaks({ peakBytes, peakAllocatedBytes }: Pick<GpuMemory, "peakBytes" | "peakAllocatedBytes">): void {
    const memory = this.#memory;
    memory.peakBytes = Math.max(memory.peakBytes, peakBytes);
    memory.peakAllocatedBytes = Math.max(memory.peakAllocatedBytes, peakAllocatedBytes);
  }

  memory(): GpuMemory {
    return { ...this.#memory };
  }

  #notePeaks(): void {
    const memory = this.#memory;
    memory.peakBytes = Math.max(memory.peakBytes, memory.liveBytes);
    memory.peakAllocatedBytes = Math.max(memory.peakAllocatedBytes, memory.liveBytes + memory.pooledBytes);
  }
}
