import { InternalError } from "../platform/internal-error.js";
import { BufferUsage } from "./constants.js";
import type { KernelSource } from "./kernel-source.js";

const SLOTS = 4096;
/** Buckets of the hash table: a power of two, at most half of them used. */
const BUCKETS = 2 * SLOTS;
const EMPTY = -1;

/**
 * The `Params` of kernels in one uniform buffer, each distinct content once. A dispatch with the numbers of an earlier
 * one uploads nothing; most dispatches of a sampling step are like this. A slot does not change while it may be in use,
 * so all streams share the slots. When all slots are used, everything queued is submitted, and slots are filled from
 * the first again.
 */
export class UniformTable {
  readonly buffer: GPUBuffer;
  readonly #slotBytes: number;
  readonly #staging: ArrayBuffer;
  readonly #words: Uint32Array;
  readonly #view: DataView;
  /** Slot numbers by hash of the content, with linear probing. */
  readonly #buckets = new Int32Array(BUCKETS).fill(EMPTY);
  /** Words that each slot holds. */
  readonly #lengths = new Uint8Array(SLOTS);
  #used = 0;
  #uploaded = 0;
  #generation = 0;

  constructor(
    private readonly device: GPUDevice,
    /** Makes every stream submit what it queued. */
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

  /** Returns the byte offset of a slot that holds the fields of `Params` in the order of the kernel. */
  slot({ params }: KernelSource, values: Readonly<Record<string, number>>): number {
    if (this.#used === SLOTS) this.#startOver();
    // Written to the next free slot, which becomes used only if no other slot has the same content.
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

  /** Changes whenever the slots are filled from the first again: offsets from before are no longer valid. */
  get generation(): number {
    return this.#generation;
  }

  /** Starts over unless `count` slots are free, so that the next `count` calls of `slot` stay in one generation. */
  reserve(count: number): void {
    if (this.#used + count > SLOTS) this.#startOver();
  }

  #startOver(): void {
    this.flushAll();
    this.#buckets.fill(EMPTY);
    this.#used = this.#uploaded = 0;
    this.#generation++;
  }

  /** Returns an earlier slot with the content of the next free one, or the next free one itself. */
  #find(length: number): number {
    const next = this.#used;
    let bucket = this.#hash(next, length);
    for (;;) {
      const slot = this.#buckets[bucket]!;
      if (slot === EMPTY) {
        this.#buckets[bucket] = next;
        this.#lengths[next] = length;
        this.#used++;
        return next;
      }
      if (this.#lengths[slot] === length && this.#isSame(slot, next, length)) return slot;
      bucket = (bucket + 1) % BUCKETS;
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
    return (hash >>> 0) % BUCKETS;
  }

  #isSame(a: number, b: number, length: number): boolean {
    const [first, second] = [(a * this.#slotBytes) / 4, (b * this.#slotBytes) / 4];
    for (let i = 0; i < length; i++) if (this.#words[first + i] !== this.#words[second + i]) return false;
    return true;
  }

  /** Uploads new slots; returns false if there are none. Call it right before commands that use them are submitted. */
  upload(): boolean {
    if (this.#uploaded === this.#used) return false;
    const start = this.#uploaded * this.#slotBytes;
    const bytes = this.#used * this.#slotBytes - start;
    this.device.queue.writeBuffer(this.buffer, start, this.#staging, start, bytes);
    this.#uploaded = this.#used;
    return true;
  }
}
