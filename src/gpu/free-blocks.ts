import type { Block } from "./block.js";

/**
 * Freed blocks by size. The oldest is reused first, so that equal work uses the same blocks whenever commands are submitted:
 * the bind groups of a sampling step then serve the next steps.
 */
export class FreeBlocks {
  readonly #bySize = new Map<number, Block[]>();

  add(block: Block): void {
    const list = this.#bySize.get(block.bytes);
    if (list) list.push(block);
    else this.#bySize.set(block.bytes, [block]);
  }

  /** The oldest block of a size. */
  oldest(bytes: number): Block | undefined {
    return this.#bySize.get(bytes)?.reduce((oldest, block) => (block.age < oldest.age ? block : oldest));
  }

  /** Removes a block that is here. */
  take(block: Block): void {
    const list = this.#bySize.get(block.bytes)!;
    if (list.length === 1) this.#bySize.delete(block.bytes);
    else list.splice(list.indexOf(block), 1);
  }

  /** Removes all blocks. */
  takeAll(): Block[] {
    const all = [...this.#bySize.values()].flat();
    this.#bySize.clear();
    return all;
  }
}
