import { BufferUsage } from "./constants.js";
/** What the GPU memory of a device holds, in bytes where named so. */
export interface GpuMemory {
  /** Buffers in use. */
  live: number;
  liveBytes: number;
  /** Largest `liveBytes` seen. */
  peakBytes: number;
  /** Bytes kept for reuse. */
  pooledBytes: number;
  /** Buffers created since the device was opened: constant between two equal runs. */
  created: number;
}

const ALIGNMENT = 256;

/** Rounds up to one of eight sizes per power of two, so that nearly equal requests share buffers at 1/8 waste at most. */
export function sizeClass(bytes: number): number {
  const step = Math.max(ALIGNMENT, 2 ** Math.floor(Math.log2(Math.max(bytes, 1))) / 8);
  return Math.ceil(Math.max(bytes, 1) / step) * step;
}

/**
 * Recycles storage buffers by size class. A released buffer may be handed out at once: commands run in submission
 * order, so work encoded later sees it only after the earlier work is done. Uploads keep that order because `Gpu.write`
 * flushes the encoded commands first.
 */
export class BufferPool {
  readonly #free = new Map<number, GPUBuffer[]>();
  readonly #memory: GpuMemory = { live: 0, liveBytes: 0, peakBytes: 0, pooledBytes: 0, created: 0 };

  /** Bytes of the largest tensor. */
  readonly maxBindingSize: number;

  constructor(
    private readonly device: GPUDevice,
    private readonly capBytes: number,
    maxBindingSize = Infinity,
  ) {
    const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
    this.maxBindingSize = Math.min(maxStorageBufferBindingSize, maxBufferSize, maxBindingSize);
  }

  acquire(bytes: number): GPUBuffer {
    const size = sizeClass(bytes);
    const memory = this.#memory;
    let buffer = this.#free.get(size)?.pop();
    if (buffer) {
      memory.pooledBytes -= size;
    } else {
      buffer = this.device.createBuffer({
        size,
        usage: BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST,
      });
      memory.created++;
    }
    memory.live++;
    memory.liveBytes += size;
    memory.peakBytes = Math.max(memory.peakBytes, memory.liveBytes);
    return buffer;
  }

  release(buffer: GPUBuffer, bytes: number): void {
    const size = sizeClass(bytes);
    const memory = this.#memory;
    memory.live--;
    memory.liveBytes -= size;
    if (memory.pooledBytes + size > this.capBytes) {
      buffer.destroy();
      return;
    }
    const list = this.#free.get(size);
    if (list) list.push(buffer);
    else this.#free.set(size, [buffer]);
    memory.pooledBytes += size;
  }

  /** Destroys the buffers kept for reuse. */
  trim(): void {
    for (const list of this.#free.values()) for (const buffer of list) buffer.destroy();
    this.#free.clear();
    this.#memory.pooledBytes = 0;
  }

  memory(): GpuMemory {
    return { ...this.#memory };
  }
}
