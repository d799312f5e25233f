import type { Block, OnBlock, Range, StorageMemory } from "./block.js";
import { ALIGNMENT, blockSize, type BlockPool } from "./pool.js";

/**
 * Storages below this size share blocks: each buffer has an overhead, and browsers keep the memory of small buffers
 * until the device is destroyed.
 */
const SMALL = 2 ** 22;
/** Bytes of the largest shared block. */
const BLOCK = 2 ** 25;

/** One block, with the storages in it by their index in the list. */
interface BlockLayout {
  readonly bytes: number;
  readonly members: readonly { readonly index: number; readonly offset: number }[];
}

/** Divides storages of these sizes among blocks. Small ones share blocks. */
function layOut(sizes: readonly number[], maxBufferSize: number): BlockLayout[] {
  const layouts: BlockLayout[] = [];
  let members: { index: number; offset: number }[] = [];
  let used = 0;
  const close = (): void => {
    if (members.length > 0) layouts.push({ bytes: used, members });
    members = [];
    used = 0;
  };
  for (const [index, size] of sizes.entries()) {
    if (size >= SMALL) {
      layouts.push({ bytes: blockSize(size, maxBufferSize), members: [{ index, offset: 0 }] });
      continue;
    }
    if (used + size > Math.min(BLOCK, maxBufferSize)) close();
    members.push({ index, offset: used });
    used += Math.ceil(size / ALIGNMENT) * ALIGNMENT;
  }
  close();
  return layouts;
}

/** Returns the bytes that storages of these sizes take if they are acquired together. */
export function bytesTogether(sizes: readonly number[]): number {
  return layOut(sizes, Infinity).reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Memory of weights, which commands of any stream may read. WebGPU tracks use by buffer: a command must not read one
 * part of a buffer and write another. So only storages that are written just once, while they are loaded from other
 * buffers, may be here.
 */
export class SharedMemory implements StorageMemory {
  /** Number of storages in each block. */
  readonly #members = new Map<Block, number>();
  #changes = 0;

  constructor(
    private readonly pool: BlockPool,
    /** Makes every stream submit what it queued. */
    private readonly flushAll: () => void,
  ) {}

  get maxBufferSize(): number {
    return this.pool.maxBufferSize;
  }

  acquire(bytes: number, label: string, onBlock: OnBlock): Range {
    return this.acquireTogether([{ bytes, label }], onBlock)[0]!;
  }

  /** Acquires memory for each of several storages; for none if one fails. */
  acquireTogether(wanted: readonly { readonly bytes: number; readonly label: string }[], onBlock: OnBlock): Range[] {
    const ranges: Range[] = [];
    const sizes = wanted.map((one) => one.bytes);
    try {
      for (const { bytes, members } of layOut(sizes, this.maxBufferSize)) {
        const [first] = members;
        const label = members.length > 1 ? `${members.length} small weights` : wanted[first!.index]!.label;
        const block = this.pool.acquire(bytes, label, onBlock);
        this.#members.set(block, members.length);
        for (const { index, offset } of members) {
          ranges[index] = { block, offset };
          this.pool.countTensors(1);
        }
      }
    } catch (error) {
      for (const range of Object.values(ranges)) this.release(range);
      throw error;
    }
    return ranges;
  }

  /** Changes whenever memory is released: ranges that were located before may be gone. */
  get changes(): number {
    return this.#changes;
  }

  release({ block }: Range): void {
    this.#changes++;
    this.pool.countTensors(-1);
    const left = this.#members.get(block)! - 1;
    this.#members.set(block, left);
    if (left > 0) return;
    this.#members.delete(block);
    // Commands that read it may be queued in any stream.
    this.flushAll();
    if (this.pool.countFreed(block)) this.pool.recycle(block);
    else this.pool.discard(block);
  }
}
