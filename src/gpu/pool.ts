import { BufferUsage } from "./constants.js";
import { GpuOutOfMemoryError } from "./errors.js";

/** What the GPU memory of a device holds, in bytes where named so. */
export interface GpuMemory {
  /** Buffers in use. */
  live: number;
  liveBytes: number;
  /** Largest `liveBytes` seen since the device was opened, or since `resetPeaks`. */
  peakBytes: number;
  /** Bytes kept for reuse. */
  pooledBytes: number;
  /** Largest sum of `liveBytes` and `pooledBytes` seen: what the device gave. */
  peakAllocatedBytes: number;
  /** Buffers created since the device was opened: constant between two equal runs. */
  created: number;
}

const ALIGNMENT = 256;

/** Rounds up to one of eight sizes per power of two, so that nearly equal requests share buffers at 1/8 waste at most. */
export function sizeClass(bytes: number): number {
  const step = Math.max(ALIGNMENT, 2 ** Math.floor(Math.log2(Math.max(bytes, 1))) / 8);
  return Math.ceil(Math.max(bytes, 1) / step) * step;
}

export interface PoolOptions {
  /** Bytes of freed buffers kept for reuse. */
  readonly poolBytes: number;
  /** Bytes of the largest buffer, where the device allows more. */
  readonly maxBindingSize: number;
  /** Is given, for each new buffer, the promise of the error that the device reports where it has no memory left. */
  readonly onCheck: (check: Promise<GpuOutOfMemoryError | undefined>) => void;
}

/**
 * Recycles storage buffers by size class. A released buffer may be handed out at once: commands run in submission
 * order, so work encoded later sees it only after the earlier work is done. Uploads keep that order because `Gpu.write`
 * flushes the encoded commands first.
 */
export class BufferPool {
  readonly #free = new Map<number, GPUBuffer[]>();
  /** Buffers for which the device had no memory: they are never handed out again. */
  readonly #failed = new WeakSet<GPUBuffer>();
  /** Buffers to be destroyed when the work that was encoded with them has been submitted. */
  readonly #condemned: GPUBuffer[] = [];
  readonly #memory: GpuMemory = {
    live: 0,
    liveBytes: 0,
    peakBytes: 0,
    pooledBytes: 0,
    peakAllocatedBytes: 0,
    created: 0,
  };

  /** Bytes of the largest tensor. */
  readonly maxBindingSize: number;
  /** Bytes that all buffers together may take. */
  memoryLimit = Infinity;

  constructor(
    private readonly device: GPUDevice,
    private readonly options: PoolOptions,
  ) {
    const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
    this.maxBindingSize = Math.min(maxStorageBufferBindingSize, maxBufferSize, options.maxBindingSize);
  }

  /** Throws `GpuOutOfMemoryError` beyond `memoryLimit`; that the device has no memory is known later, by `onCheck`. */
  acquire(bytes: number, label: string): GPUBuffer {
    const size = sizeClass(bytes);
    const memory = this.#memory;
    const buffer = this.#reuse(size) ?? this.#create(size, label);
    memory.live++;
    memory.liveBytes += size;
    memory.peakBytes = Math.max(memory.peakBytes, memory.liveBytes);
    memory.peakAllocatedBytes = Math.max(memory.peakAllocatedBytes, memory.liveBytes + memory.pooledBytes);
    return buffer;
  }

  #reuse(size: number): GPUBuffer | undefined {
    const list = this.#free.get(size);
    for (let buffer = list?.pop(); buffer; buffer = list?.pop()) {
      this.#memory.pooledBytes -= size;
      if (!this.#failed.has(buffer)) return buffer;
    }
    return undefined;
  }

  #create(size: number, label: string): GPUBuffer {
    const { memoryLimit } = this;
    if (this.#memory.liveBytes + this.#memory.pooledBytes + size > memoryLimit) this.trim();
    const { liveBytes } = this.#memory;
    if (liveBytes + size > memoryLimit) {
      throw new GpuOutOfMemoryError(
        `${label} needs ${size} bytes of GPU memory; ${liveBytes} are in use of the ${memoryLimit} that memoryLimit allows.`,
      );
    }
    this.device.pushErrorScope("out-of-memory");
    const buffer = this.device.createBuffer({
      size,
      usage: BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST,
    });
    this.options.onCheck(
      this.device.popErrorScope().then((error) => {
        if (!error) return undefined;
        this.#failed.add(buffer);
        return new GpuOutOfMemoryError(`The GPU has no memory left for ${label} (${size} bytes): ${error.message}`);
      }),
    );
    this.#memory.created++;
    return buffer;
  }

  release(buffer: GPUBuffer, bytes: number): void {
    const size = sizeClass(bytes);
    const memory = this.#memory;
    memory.live--;
    memory.liveBytes -= size;
    if (this.#failed.has(buffer) || memory.pooledBytes + size > this.options.poolBytes) {
      this.#condemned.push(buffer);
      return;
    }
    const list = this.#free.get(size);
    if (list) list.push(buffer);
    else this.#free.set(size, [buffer]);
    memory.pooledBytes += size;
  }

  /** Gives up the buffers kept for reuse; `sweep` destroys them. */
  trim(): void {
    for (const list of this.#free.values()) this.#condemned.push(...list);
    this.#free.clear();
    this.#memory.pooledBytes = 0;
  }

  /** Destroys what was given up; to be called when no work is encoded and not yet submitted. */
  sweep(): void {
    for (const buffer of this.#condemned.splice(0)) buffer.destroy();
  }

  /** Forgets the peaks: those of what follows are measured. */
  resetPeaks(): void {
    const memory = this.#memory;
    memory.peakBytes = memory.liveBytes;
    memory.peakAllocatedBytes = memory.liveBytes + memory.pooledBytes;
  }

  memory(): GpuMemory {
    return { ...this.#memory };
  }
}
