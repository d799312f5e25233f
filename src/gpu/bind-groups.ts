/** Bind groups in one generation. Two generations of them are kept. */
const GENERATION = 2048;

/**
 * Keeps bind groups, so that a sampling step that uses the memory of an earlier step makes none. WebGPU has no way to free a
 * bind group: it lives until JavaScript's garbage collection, which a runtime may delay for tens of thousands of them (Deno
 * does, and lavapipe then ends the process, because each takes a memory mapping).
 */
export class BindGroupCache {
  readonly #ids = new WeakMap<GPUBuffer, number>();
  #lastId = 0;
  #young = new Map<string, GPUBindGroup>();
  /** Those that were not used since `#young` was empty. */
  #old = new Map<string, GPUBindGroup>();

  constructor(
    private readonly device: GPUDevice,
    /** Called for each bind group that is made. */
    private readonly onMade: () => void,
  ) {}

  /**
   * Returns the bind group of a kernel with these entries. `label` names the kernel and its module for errors; the layout is
   * that of the kernel.
   */
  get(label: string, layout: GPUBindGroupLayout, entries: readonly BufferEntry[]): GPUBindGroup {
    let key = label;
    for (const { resource } of entries)
      key += `|${this.#id(resource.buffer)}+${resource.offset ?? 0}:${resource.size ?? ""}`;
    const known = this.#young.get(key);
    if (known) return known;
    const group = this.#old.get(key) ?? this.#make({ label, layout, entries });
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, group);
    return group;
  }

  /** Forgets all, so that they keep no memory of destroyed buffers. */
  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }

  #make(descriptor: GPUBindGroupDescriptor): GPUBindGroup {
    this.onMade();
    return this.device.createBindGroup(descriptor);
  }

  #id(buffer: GPUBuffer): number {
    let id = this.#ids.get(buffer);
    if (id === undefined) this.#ids.set(buffer, (id = ++this.#lastId));
    return id;
  }
}

/** An entry of a bind group that is a range of a buffer. */
export interface BufferEntry extends GPUBindGroupEntry {
  readonly resource: GPUBufferBinding;
}
