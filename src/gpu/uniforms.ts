import { InternalError } from "../platform/internal-error.js";
import { BufferUsage } from "./constants.js";
import type { KernelSource } from "./kernel-source.js";

const SLOTS = 1024;

/**
 * One uniform buffer with a slot for each dispatch of a batch. Slots are filled on the CPU while commands are encoded and
 * uploaded together just before the batch is submitted, so no slot changes under work that has not run yet.
 */
export class UniformRing {
  readonly buffer: GPUBuffer;
  readonly #slotBytes: number;
  readonly #staging: ArrayBuffer;
  readonly #view: DataView;
  #used = 0;

  constructor(private readonly device: GPUDevice) {
    this.#slotBytes = device.limits.minUniformBufferOffsetAlignment;
    this.#staging = new ArrayBuffer(this.#slotBytes * SLOTS);
    this.#view = new DataView(this.#staging);
    this.buffer = device.createBuffer({
      label: "uniforms",
      size: this.#staging.byteLength,
      usage: BufferUsage.UNIFORM | BufferUsage.COPY_DST,
    });
  }

  /** True when the batch has to be submitted before another slot is taken. */
  get isFull(): boolean {
    return this.#used === SLOTS;
  }

  /** Writes the fields of `Params` in the kernel's order; returns the slot's offset in bytes. */
  write(source: KernelSource, values: Readonly<Record<string, number>>): number {
    const base = this.#used++ * this.#slotBytes;
    source.params.forEach(([name, type], index) => {
      const value = values[name];
      if (value === undefined) throw new InternalError(`Kernel parameter ${name} is missing.`);
      const at = base + index * 4;
      if (type === "f32") this.#view.setFloat32(at, value, true);
      else if (type === "u32") this.#view.setUint32(at, value, true);
      else this.#view.setInt32(at, value, true);
    });
    return base;
  }

  /** Uploads the filled slots; call right before the batch is submitted. */
  upload(): void {
    if (this.#used > 0) this.device.queue.writeBuffer(this.buffer, 0, this.#staging, 0, this.#used * this.#slotBytes);
    this.#used = 0;
  }
}
