import { BufferUsage } from "./constants.js";

/** Bytes of a kept buffer: reads of a flag or a count, which a sampler makes in every step. */
const SMALL = 256;
/** Small buffers kept: a sampler has one read under way while it starts the next. */
const KEPT = 4;

/** Buffers that the host reads through. Small ones are kept, as making and mapping a new one costs more than the copy. */
export class StagingBuffers {
  readonly #small: GPUBuffer[] = [];

  constructor(private readonly device: GPUDevice) {}

  /** A buffer of at least `size` bytes, not mapped. The caller gives it back, or discards it where reading failed. */
  take(size: number): GPUBuffer {
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
  giveBack(buffer: GPUBuffer): void {
    if (buffer.size > SMALL || this.#small.length >= KEPT) {
      this.discard(buffer);
      return;
    }
    buffer.unmap();
    this.#small.push(buffer);
  }

  /** Destroys a buffer that may have got no memory, or may still be waited for: nobody else is to read through it. */
  discard(buffer: GPUBuffer): void {
    buffer.destroy();
  }
}
