import type { GpuOutOfMemoryError } from "./errors.js";

/**
 * A buffer of the device; without one where memory is only counted. Activations and large weights have a block of their own,
 * small weights lie in one together.
 */
export class Block {
  /** Whether the device had memory for it; undefined until the device has said so. */
  isSound: boolean | undefined;
  /** The commands that used it last, of those that a stream submits together: a mark to compare, nothing more. */
  usedBy: object | undefined;

  constructor(
    readonly bytes: number,
    readonly buffer: GPUBuffer | undefined,
    /** Resolves when the device has said whether it had memory for it: to the error where it had none. */
    readonly outcome: Promise<GpuOutOfMemoryError | undefined>,
  ) {
    void outcome.then(
      (error) => (this.isSound = error === undefined),
      () => (this.isSound = false),
    );
  }
}

/** Where a storage lies. */
export interface Range {
  readonly block: Block;
  readonly offset: number;
}

/** Who uses memory: is given the promise of the error that the device reports for each new block. */
export type OnBlock = (outcome: Promise<GpuOutOfMemoryError | undefined>) => void;

/** What storages take their memory from. */
export interface StorageMemory {
  /** Bytes of the largest storage. */
  readonly maxBindingSize: number;
  /** Throws `GpuOutOfMemoryError` beyond `memoryLimit`; that the device has no memory is known later, by `onBlock`. */
  acquire(bytes: number, label: string, onBlock: OnBlock): Range;
  /** `isForeign`: streams other than the one whose memory it is have used it. */
  release(range: Range, isForeign: boolean): void;
}
