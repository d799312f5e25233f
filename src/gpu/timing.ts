import { BufferUsage, MapMode } from "./constants.js";

/** GPU time that one variant of a kernel took. */
export interface KernelTime {
  /** Name and choices of the kernel variant. */
  readonly kernel: string;
  /** Number of dispatches. */
  readonly calls: number;
  /** Total time. */
  readonly milliseconds: number;
}

/** More dispatches than a submit can have: a stream submits after 128 commands. */
const CAPACITY = 1024;

/**
 * Measures each dispatch with timestamp queries. Each dispatch then needs its own compute pass, so it is off by
 * default.
 *
 * @internal
 */
export class KernelTimer {
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  #labels: string[] = [];
  readonly #totals = new Map<string, { calls: number; nanoseconds: number }>();
  readonly #reads: Promise<void>[] = [];

  constructor(private readonly device: GPUDevice) {
    this.#queries = device.createQuerySet({ type: "timestamp", count: CAPACITY * 2 });
    this.#resolved = device.createBuffer({
      size: CAPACITY * 16,
      usage: BufferUsage.QUERY_RESOLVE | BufferUsage.COPY_SRC,
    });
  }

  /** Returns the timestamp writes for the compute pass of the next dispatch. */
  pass(label: string): GPUComputePassTimestampWrites {
    const index = this.#labels.push(label) - 1;
    return { querySet: this.#queries, beginningOfPassWriteIndex: index * 2, endOfPassWriteIndex: index * 2 + 1 };
  }

  /** Adds commands that fetch the timestamps of the batch. Call the returned function after the submit. */
  resolve(encoder: GPUCommandEncoder): (() => void) | undefined {
    const labels = this.#labels;
    if (labels.length === 0) return undefined;
    this.#labels = [];
    const bytes = labels.length * 16;
    const staging = this.device.createBuffer({ size: bytes, usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST });
    encoder.resolveQuerySet(this.#queries, 0, labels.length * 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, staging, 0, bytes);
    return () => {
      const read = this.#collect(staging, labels);
      // `totals` awaits it. Until then a lost device must not cause an unhandled rejection.
      read.catch(() => undefined);
      this.#reads.push(read);
    };
  }

  async #collect(staging: GPUBuffer, labels: readonly string[]): Promise<void> {
    await staging.mapAsync(MapMode.READ);
    const stamps = new BigUint64Array(staging.getMappedRange());
    labels.forEach((label, index) => {
      const total = this.#totals.get(label) ?? { calls: 0, nanoseconds: 0 };
      total.calls++;
      total.nanoseconds += Number(stamps[index * 2 + 1]! - stamps[index * 2]!);
      this.#totals.set(label, total);
    });
    staging.destroy();
  }

  /** Returns the totals since the device was opened, longest first. */
  async totals(): Promise<KernelTime[]> {
    await Promise.all(this.#reads.splice(0));
    return [...this.#totals]
      .map(([kernel, { calls, nanoseconds }]) => ({ kernel, calls, milliseconds: nanoseconds / 1e6 }))
      .sort((a, b) => b.milliseconds - a.milliseconds);
  }
}
