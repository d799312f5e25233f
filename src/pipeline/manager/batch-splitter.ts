import { GpuLimitError, GpuOutOfMemoryError } from "../../gpu/errors.js";
import type { GpuDevice } from "../../gpu/device.js";
import type { Arena } from "../../tensor/arena.js";
import { helpWith, WeightMemoryError, type Offloader } from "./offload.js";
import { warnOnConsole } from "../../platform/printable.js";

/** Computes batches whole while the GPU has memory for that, and from then on in parts that fit. */
export class BatchSplitter {
  /** Most rows at once. */
  #most = Infinity;

  /** `name` is what computes, for messages. */
  constructor(
    private readonly name: string,
    private readonly gpu: GpuDevice,
    private readonly offload: Offloader,
    private readonly warn: (message: string) => void = warnOnConsole,
  ) {}

  /** The rows of a batch, at most `most` at once; `body` computes them on `arena`. Rejects with `GpuOutOfMemoryError` where not even one fits. */
  async run<Row>(
    arena: Arena,
    size: number,
    body: (start: number, end: number) => Promise<readonly Row[]>,
    most = Infinity,
  ): Promise<Row[]> {
    const rows: Row[] = [];
    while (rows.length < size) {
      const start = rows.length;
      const end = Math.min(size, start + Math.min(this.#most, most));
      const part = await body(start, end).catch((error: unknown) => this.#makeRoom(arena, end - start, error));
      rows.push(...(part ?? []));
    }
    return rows;
  }

  /** After `count` rows failed: settles for half of them, or takes other weights away. Rethrows what no room helps. */
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
    if (this.#most === Infinity) {
      this.warn(
        `The GPU has no memory for ${count} of ${this.name} at once: they are computed in smaller batches, which takes longer ` +
          "and changes nothing else.",
      );
    }
    this.#most = Math.ceil(count / 2);
  }
}
