import { BufferUsage, MapMode } from "./constants.js";

/** GPU time that one variant of a kernel has taken. */
export interface KernelTime {
  /** The kernel's name, and what its variant is made with. */
  readonly kernel: string;
  /** How often it ran. */
  readonly calls: number;
  /** How long, in all. */
  readonly milliseconds: number;
}

/** Dispatches of one submit at most, and room to spare: a stream submits after 128. */
const CAPACITY = 1024;

/**
 * Measures each dispatch with timestamp queries. Costs one compute pass per dispatch, so it is off unless asked for.
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

  /** Timestamp writes of the next dispatch's compute pass. */
  pass(label: string): GPUComputePassTimestampWrites {
    const index = this.#labels.push(label) - 1;
    return { querySet: this.#queries, beginningOfPassWriteIndex: index * 2, endOfPassWriteIndex: index * 2 + 1 };
  }

  /** Adds the commands that fetch the batch's timestamps; call `collect` after the submit. */
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
      // Awaited by `totals`; a device that is lost before that must not end the host by an unhandled rejection.
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

  /** Totals since the device was opened, longest first. */
  async totals(): Promise<KernelTime[]> {
    await Promise.all(this.#reads.splice(0));
    return [...this.#totals]
      .map(([kernel, { calls, nanoseconds }]) => ({ kernel, calls, milliseconds: nanoseconds / 1e6 }))
      .sort((a, b) => b.milliseconds - a.milliseconds);
  }
}
