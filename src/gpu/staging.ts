import { BufferUsage } from "./constants.js";

/** Bytes of a buffer that is kept: samplers read a flag or a count in every step. */
const SMALL = 256;
/** Number of small buffers that are kept: a sampler starts a read before the last one has ended. */
const KEPT = 4;

/** Buffers through which the host reads GPU memory. Small ones are kept: creating one costs more than the copy. */
export class StagingBuffers {
  readonly #small: GPUBuffer[] = [];

  constructor(private readonly device: GPUDevice) {}

  /**
   * Returns an unmapped buffer of at least `size` bytes. The caller must `release` it, or `discard` it if reading
   * failed.
   */
  acquire(size: number): GPUBuffer {
    if (size <= SMALL) {
      const kept = this.#small.pop();
      if (kept) return kept;
    }
    return this.device.createBuffer({
      label: "staging",
      size: Math.max(SMALL, size),
      usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST,
    });
  }

  /** Takes back a buffer that was mapped and read. */
  release(buffer: GPUBuffer): void {
    if (buffer.size > SMALL || this.#small.length >= KEPT) {
      this.discard(buffer);
      return;
    }
    buffer.unmap();
    this.#small.push(buffer);
  }

  /** Destroys a buffer that may be invalid or still in use, so that it is never reused. */
  discard(buffer: GPUBuffer): void {
    buffer.destroy();
  }
}
