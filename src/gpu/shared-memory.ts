import type { Block, OnBlock, Range, StorageMemory } from "./block.js";
import { ALIGNMENT, sizeClass, type BlockPool } from "./pool.js";

/**
 * Storages below this size lie in a block together: each buffer costs more than its size, and browsers keep the memory of
 * such small ones until the device is destroyed.
 */
const SMALL = 2 ** 22;
/** Bytes of the largest such block. */
const BLOCK = 2 ** 25;

/** A block that storages share, or one of their own, and the storages in it by their number in the list. */
interface Place {
  readonly bytes: number;
  readonly members: readonly { readonly index: number; readonly offset: number }[];
}

/** Divides storages of these sizes among blocks: small ones lie together, so that there are few blocks. */
function layOut(sizes: readonly number[]): Place[] {
  const places: Place[] = [];
  let members: { index: number; offset: number }[] = [];
  let used = 0;
  const close = (): void => {
    if (members.length > 0) places.push({ bytes: used, members });
    members = [];
    used = 0;
  };
  for (const [index, size] of sizes.entries()) {
    if (size >= SMALL) {
      places.push({ bytes: sizeClass(size), members: [{ index, offset: 0 }] });
      continue;
    }
    if (used + size > BLOCK) close();
    members.push({ index, offset: used });
    used += Math.ceil(size / ALIGNMENT) * ALIGNMENT;
  }
  close();
  return places;
}

/** Memory that storages of these sizes take when they are acquired together. */
export function bytesTogether(sizes: readonly number[]): number {
  return layOut(sizes).reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Memory of weights, which commands of any stream read. WebGPU tracks use by buffer: what a command writes must not share
 * one with what it reads. So only what is written while it is loaded, from buffers of its own, may lie here.
 */
export class SharedMemory implements StorageMemory {
  /** Storages in each block. */
  readonly #members = new Map<Block, number>();

  constructor(
    private readonly pool: BlockPool,
    /** Has every stream submit what it queued. */
    private readonly flushAll: () => void,
  ) {}

  get maxBindingSize(): number {
    return this.pool.maxBindingSize;
  }

  acquire(bytes: number, label: string, onBlock: OnBlock): Range {
    return this.acquireTogether([{ bytes, label }], onBlock)[0]!;
  }

  /** Memory for each of several storages. Takes none where that fails. */
  acquireTogether(wanted: readonly { readonly bytes: number; readonly label: string }[], onBlock: OnBlock): Range[] {
    const ranges: Range[] = [];
    try {
      for (const { bytes, members } of layOut(wanted.map((one) => one.bytes))) {
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

  release({ block }: Range): void {
    this.pool.countTensors(-1);
    const left = this.#members.get(block)! - 1;
    this.#members.set(block, left);
    if (left > 0) return;
    this.#members.delete(block);
    // Commands that read it may wait in any stream.
    this.flushAll();
    if (this.pool.freed(block)) this.pool.keep(block);
    else this.pool.discard(block);
  }
}
