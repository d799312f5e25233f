import type { Block } from "./block.js";

/**
 * Freed blocks by size. The oldest is reused first, so that equal work uses the same blocks whenever commands are submitted:
 * the bind groups of a sampling step then serve the next steps.
 */
export class FreeBlocks {
  /** The oldest block of a size is the last, where it is removed fastest. */
  readonly #bySize = new Map<number, Block[]>();

  add(block: Block): void {
    const list = this.#bySize.get(block.bytes);
    if (list) list.splice(placeOf(block, list), 0, block);
    else this.#bySize.set(block.bytes, [block]);
  }

  /** The oldest block of a size. */
  oldest(bytes: number): Block | undefined {
    return this.#bySize.get(bytes)?.at(-1);
  }

  /** Removes the oldest block of a size. */
  takeOldest(bytes: number): Block | undefined {
    const list = this.#bySize.get(bytes);
    if (list?.length === 1) this.#bySize.delete(bytes);
    return list?.pop();
  }

  /** Removes all blocks. */
  takeAll(): Block[] {
    const all = [...this.#bySize.values()].flat();
    this.#bySize.clear();
    return all;
  }
}

/** Where a block belongs in a list that begins with the youngest. */
function placeOf({ serial }: Block, list: readonly Block[]): number {
  let [start, end] = [0, list.length];
  while (start < end) {
    const middle = (start + end) >>> 1;
    if (list[middle]!.serial > serial) start = middle + 1;
    else end = middle;
  }
  return start;
}
