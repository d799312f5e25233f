import { GpuLimitError, GpuOutOfMemoryError } from "../../gpu/errors.js";
import type { GpuDevice } from "../../gpu/device.js";
import type { Arena } from "../../tensor/arena.js";
import { helpWith, WeightMemoryError, type Offloader } from "./offload.js";
import { warnOnConsole } from "../../platform/printable.js";

/** Computes batches as a whole until the GPU has no memory for one, and then in parts that fit. */
export class BatchSplitter {
  /** Maximum number of rows in a part. */
  #maxRows = Infinity;

  /** `name` is the plural noun of the rows, for messages. */
  constructor(
    private readonly name: string,
    private readonly gpu: GpuDevice,
    private readonly offload: Offloader,
    private readonly warn: (message: string) => void = warnOnConsole,
  ) {}

  /**
   * Computes the rows of a batch by `body` on `arena`, at most `maxRows` in a part. Rejects with `GpuOutOfMemoryError` if there
   * is no memory for even one row.
   */
  async run<Row>(
    arena: Arena,
    size: number,
    body: (start: number, end: number) => Promise<readonly Row[]>,
    maxRows = Infinity,
  ): Promise<Row[]> {
    const rows: Row[] = [];
    while (rows.length < size) {
      const start = rows.length;
      const end = Math.min(size, start + Math.min(this.#maxRows, maxRows));
      const part = await body(start, end).catch((error: unknown) => this.#makeRoom(arena, end - start, error));
      rows.push(...(part ?? []));
    }
    return rows;
  }

  /** After `count` rows failed: halves the parts, or offloads other weights. Rethrows errors that this cannot help. */
  async #makeRoom(arena: Arena, count: number, error: unknown): Promise<undefined> {
    const isMemory = error instanceof GpuOutOfMemoryError && !(error instanceof WeightMemoryError);
    const isLimit = error instanceof GpuLimitError && count > 1;
    if (!isMemory && !isLimit) throw error;
    await arena.stream.recover();
    this.gpu.trim();
    if (count === 1) {
      if (this.offload.makeRoom()) return;
      throw new GpuOutOfMemoryError(
        `The GPU has no memory for ${this.name}, even one at a time${helpWith(arena.dtype)}. ${(error as Error).message}`,
        { cause: error, advice: "Close what else uses the GPU, or use one with more memory." },
      );
    }
    if (this.#maxRows === Infinity) {
      this.warn(
        `The GPU has no memory for ${count} ${this.name} in a batch: they are computed in smaller batches, which takes longer ` +
          "and changes nothing else.",
      );
    }
    this.#maxRows = Math.ceil(count / 2);
  }
}
