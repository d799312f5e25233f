import { Block, type OnBlock } from "./block.js";
import { GpuOutOfMemoryError } from "./errors.js";

/** What the GPU memory of a device holds, in bytes where named so. */
export interface GpuMemory {
  /** Tensors in use. */
  live: number;
  /** Bytes of tensors in use. */
  liveBytes: number;
  /** Largest `liveBytes` seen since the device was opened, or since `resetPeaks`. */
  peakBytes: number;
  /** Bytes kept for reuse. */
  pooledBytes: number;
  /** Largest sum of `liveBytes` and `pooledBytes` seen: what the device gave. */
  peakAllocatedBytes: number;
  /** Buffers created since the device was opened: constant between two equal runs. */
  created: number;
}

/** Bytes of freed blocks that are kept for reuse by default. */
const POOL_BYTES = 2 ** 30;

/** Offsets of bindings are multiples of this on every adapter (WebGPU's default limit). */
export const ALIGNMENT = 256;

/** Rounds up to one of eight sizes per power of two, so that nearly equal requests share buffers at 1/8 waste at most. */
export function sizeClass(bytes: number): number {
  const step = Math.max(ALIGNMENT, 2 ** Math.floor(Math.log2(Math.max(bytes, 1))) / 8);
  return Math.ceil(Math.max(bytes, 1) / step) * step;
}

/**
 * Makes and destroys buffers.
 *
 * @internal
 */
export interface BlockSource {
  /** Bytes of the largest storage. */
  readonly maxBindingSize: number;
  create(bytes: number, label: string): Block;
  destroy(block: Block): void;
  /** Has every stream submit what it queued, so that nothing uses what they freed. */
  flushAll(): void;
}

/**
 * Keeps freed blocks for itself.
 *
 * @internal
 */
export interface BlockKeeper {
  /** Gives all of them up; nothing that waits to be submitted uses them. */
  surrender(): readonly Block[];
}

/**
 * The blocks of a device by size class. What lies here for reuse is used by no command that is not yet submitted: streams
 * give back what they freed when they submit (`StreamMemory`).
 *
 * @internal
 */
export class BlockPool {
  readonly #free = new Map<number, Block[]>();
  /** Freed blocks of which it is not known yet whether the device had memory for them: no other stream may get them. */
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

  /** Bytes that all blocks together may take. */
  memoryLimit = Infinity;

  constructor(
    private readonly source: BlockSource,
    /** Bytes of freed blocks kept for reuse. */
    private readonly poolBytes = POOL_BYTES,
  ) {}

  get maxBindingSize(): number {
    return this.source.maxBindingSize;
  }

  /** A block in use, of a size class. Throws `GpuOutOfMemoryError` beyond `memoryLimit`. */
  acquire(bytes: number, label: string, onBlock: OnBlock): Block {
    const kept = this.#free.get(bytes)?.pop();
    if (kept) {
      this.reused(kept);
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
        `${label} needs ${bytes} bytes of GPU memory; ${memory.liveBytes} are in use of the ${memoryLimit} that memoryLimit allows.`,
      );
    }
    return source.create(bytes, label);
  }

  /** Counts a block that was freed as one in use again. */
  reused({ bytes }: Block): void {
    this.#memory.pooledBytes -= bytes;
    this.#memory.liveBytes += bytes;
    this.#notePeaks();
  }

  /**
   * Counts a block as freed. False where there is more than enough kept for reuse: then `discard` is to follow when nothing
   * that is not yet submitted uses it, otherwise `keep`.
   */
  freed({ bytes }: Block): boolean {
    const memory = this.#memory;
    memory.liveBytes -= bytes;
    if (memory.pooledBytes + bytes > this.poolBytes) return false;
    memory.pooledBytes += bytes;
    return true;
  }

  /** Destroys a block that was freed and not counted as kept. */
  discard(block: Block): void {
    this.source.destroy(block);
  }

  /** Counts tensors in use. */
  countTensors(change: 1 | -1): void {
    this.#memory.live += change;
  }

  /** Takes a freed block that nothing uses any more, for anybody to reuse. */
  keep(block: Block): void {
    if (block.isSound === undefined) {
      this.#unknown.add(block);
      const settle = (): void => {
        if (this.#unknown.delete(block)) this.keep(block);
      };
      void block.outcome.then(settle, settle);
      return;
    }
    if (!block.isSound) {
      this.#destroy(block);
      return;
    }
    const list = this.#free.get(block.bytes);
    if (list) list.push(block);
    else this.#free.set(block.bytes, [block]);
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

  /** Destroys the blocks kept for reuse, those that streams keep included. */
  trim(): void {
    this.source.flushAll();
    const kept = [...this.#free.values(), ...[...this.#keepers].map((keeper) => keeper.surrender())].flat();
    const idle = [...kept, ...this.#unknown];
    this.#free.clear();
    this.#unknown.clear();
    for (const block of idle) this.#destroy(block);
  }

  /** Forgets the peaks: those of what follows are measured. */
  resetPeaks(): void {
    const memory = this.#memory;
    memory.peakBytes = memory.liveBytes;
    memory.peakAllocatedBytes = memory.liveBytes + memory.pooledBytes;
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
