import { InternalError } from "../platform/internal-error.js";
import { BufferUsage } from "./constants.js";
import type { KernelSource } from "./kernel-source.js";

const SLOTS = 4096;
/** Places of the hash table: a power of two, at most half full. */
const PLACES = 2 * SLOTS;
const EMPTY = -1;

/**
 * The `Params` of kernels in one uniform buffer, each content once: a dispatch with the numbers of an earlier one, as most
 * of a sampler's are from step to step, uploads nothing. A slot never changes while it may be in use, so all streams share
 * them; when they are full, everything that is queued is submitted, and the first slot is next.
 */
export class UniformTable {
  readonly buffer: GPUBuffer;
  readonly #slotBytes: number;
  readonly #staging: ArrayBuffer;
  readonly #words: Uint32Array;
  readonly #view: DataView;
  /** Slot numbers by hash of the content, with linear probing. */
  readonly #places = new Int32Array(PLACES).fill(EMPTY);
  /** Words that each slot holds. */
  readonly #lengths = new Uint8Array(SLOTS);
  #used = 0;
  #uploaded = 0;

  constructor(
    private readonly device: GPUDevice,
    /** Has every stream submit what it queued. */
    private readonly flushAll: () => void,
  ) {
    this.#slotBytes = device.limits.minUniformBufferOffsetAlignment;
    this.#staging = new ArrayBuffer(this.#slotBytes * SLOTS);
    this.#words = new Uint32Array(this.#staging);
    this.#view = new DataView(this.#staging);
    this.buffer = device.createBuffer({
      label: "uniforms",
      size: this.#staging.byteLength,
      usage: BufferUsage.UNIFORM | BufferUsage.COPY_DST,
    });
  }

  /** The offset in bytes of a slot that holds the fields of `Params` in the kernel's order. */
  slot({ params }: KernelSource, values: Readonly<Record<string, number>>): number {
    if (this.#used === SLOTS) {
      this.flushAll();
      this.#places.fill(EMPTY);
      this.#used = this.#uploaded = 0;
    }
    // Written to the next free slot, which is taken only if no other has the same content.
    const base = this.#used * this.#slotBytes;
    params.forEach(([name, type], index) => {
      const value = values[name];
      if (value === undefined) throw new InternalError(`Kernel parameter ${name} is missing.`);
      const at = base + index * 4;
      if (type === "f32") this.#view.setFloat32(at, value, true);
      else if (type === "u32") this.#view.setUint32(at, value, true);
      else this.#view.setInt32(at, value, true);
    });
    return this.#find(params.length) * this.#slotBytes;
  }

  /** The slot with the content of the next free one: an earlier one, or that itself. */
  #find(length: number): number {
    const next = this.#used;
    let place = this.#hash(next, length);
    for (;;) {
      const slot = this.#places[place]!;
      if (slot === EMPTY) {
        this.#places[place] = next;
        this.#lengths[next] = length;
        this.#used++;
        return next;
      }
      if (this.#lengths[slot] === length && this.#isSame(slot, next, length)) return slot;
      place = (place + 1) % PLACES;
    }
  }

  /** FNV-1a over words. */
  #hash(slot: number, length: number): number {
    const base = (slot * this.#slotBytes) / 4;
    let hash = 0x811c9dc5;
    for (let i = 0; i < length; i++) {
      const word = this.#words[base + i]!;
      hash = Math.imul(hash ^ word, 0x01000193);
      hash ^= hash >>> 15;
    }
    return (hash >>> 0) % PLACES;
  }

  #isSame(a: number, b: number, length: number): boolean {
    const [first, second] = [(a * this.#slotBytes) / 4, (b * this.#slotBytes) / 4];
    for (let i = 0; i < length; i++) if (this.#words[first + i] !== this.#words[second + i]) return false;
    return true;
  }

  /** Uploads the slots that are new; call right before commands that use them are submitted. False where there are none. */
  upload(): boolean {
    if (this.#uploaded === this.#used) return false;
    const start = this.#uploaded * this.#slotBytes;
    const bytes = this.#used * this.#slotBytes - start;
    this.device.queue.writeBuffer(this.buffer, start, this.#staging, start, bytes);
    this.#uploaded = this.#used;
    return true;
  }
}
