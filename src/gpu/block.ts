import type { GpuOutOfMemoryError } from "./errors.js";

let nextSerial = 0;

/**
 * A buffer of the device. It has no `buffer` when memory is only counted. Each activation and each large weight has its
 * own block; small weights share one.
 */
export class Block {
  /** Number in the order in which blocks were made: the oldest has the lowest. */
  readonly serial = nextSerial++;
  /** Whether the device had memory for it; undefined until the device reports. */
  isValid: boolean | undefined;
  /** Identifies the batch of commands that used it last. Only compared, never read. */
  usedBy: object | undefined;

  constructor(
    readonly bytes: number,
    readonly buffer: GPUBuffer | undefined,
    /** Resolves when the device reports: to the error if it had no memory for the block. */
    readonly outcome: Promise<GpuOutOfMemoryError | undefined>,
  ) {
    void outcome.then(
      (error) => (this.isValid = error === undefined),
      () => (this.isValid = false),
    );
  }
}

/** Where a storage is in GPU memory. */
export interface Range {
  readonly block: Block;
  readonly offset: number;
}

/** Receives, for each new block, the promise of the error that the device may report. */
export type OnBlock = (outcome: Promise<GpuOutOfMemoryError | undefined>) => void;

/** The memory that storages are allocated from. */
export interface StorageMemory {
  /** Bytes of the largest storage. */
  readonly maxBufferSize: number;
  /**
   * Throws `GpuOutOfMemoryError` beyond `memoryLimit`. If the device itself has no memory, `onBlock` learns it later.
   */
  acquire(bytes: number, label: string, onBlock: OnBlock): Range;
  /** `isForeign`: whether other streams than the owner of this memory have used it. */
  release(range: Range, isForeign: boolean): void;
}
