import { BufferUsage } from "./constants.js";
import type { KernelName } from "./kernel-source.js";
import { PipelineCache, type Variant } from "./pipelines.js";

/** A pipeline that will be used. */
export interface WantedPipeline {
  readonly kernel: KernelName;
  readonly variant: Variant;
}

/** Opens another device on the adapter of a device; undefined if it has no further ones. */
export type OpenDevice = () => Promise<GPUDevice | undefined>;

/** Compiles pipelines by using them. */
export interface Compiler {
  /** Creates a pipeline, and runs it once. Resolves when it has run, to the milliseconds that the run took. */
  use(wanted: WantedPipeline): Promise<number>;
  close(): void;
}

/**
 * A first use that takes less found the pipeline in the driver's cache: lavapipe takes 15 ms and more to compile even an empty
 * kernel.
 */
const CACHED_MS = 10;

/**
 * Compiles pipelines on drivers that compile at the first use, one after the other, whichever way pipelines are created: Mesa's
 * lavapipe. Each device has a thread that compiles, and all share the driver's cache on disk. So further devices on the same
 * adapter take pipelines in turn, and the first device finds them in the cache. Nothing here reports errors: a kernel that does
 * not compile is reported where its pipeline is created.
 */
export class FirstUses {
  /** `helpers`: how many further devices to use. */
  constructor(
    private readonly main: Compiler,
    private readonly openHelper: () => Promise<Compiler | undefined>,
    private readonly helpers: number,
  ) {}

  /**
   * Compiles pipelines, in the order given, unless the driver has them in its cache. That is tried with the first, which all models
   * of a family share, and with the last, which only this one may have. Begins no other one after the signal is aborted.
   */
  async compile(wanted: readonly WantedPipeline[], { signal, onCompiled }: CompileOptions = {}): Promise<void> {
    const queue = new Queue(wanted, signal, onCompiled);
    if (queue.isOver) return;
    if (this.helpers === 0) return this.#compileHere(queue);
    // Not on the first device: work that waits in its queue would count as compiling.
    const helper = await this.openHelper();
    if (helper && (await hasBothEnds(helper, queue))) {
      helper.close();
      return;
    }
    const others = Array.from({ length: this.helpers - 1 }, async () => helpWith(queue, await this.openHelper()));
    await Promise.all([this.#compileHere(queue), helpWith(queue, helper), ...others]);
  }

  async #compileHere(queue: Queue): Promise<void> {
    while (!queue.isOver) {
      await queue.takeFirst((next) => this.main.use(next).catch(() => 0));
    }
    this.main.close();
  }
}

/** How pipelines are compiled. */
export interface CompileOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called after each one. */
  readonly onCompiled?: (() => void) | undefined;
}

/** Pipelines that nobody has taken yet. Taking one resolves to the milliseconds of its first use; to Infinity if that failed. */
class Queue {
  readonly #left: WantedPipeline[];

  constructor(
    wanted: readonly WantedPipeline[],
    private readonly signal: AbortSignal | undefined,
    private readonly onCompiled: () => void = () => undefined,
  ) {
    this.#left = [...wanted];
  }

  /** Nothing is left, or nobody wants it any more. */
  get isOver(): boolean {
    return this.#left.length === 0 || this.signal?.aborted === true;
  }

  /** If it fails, it is left for others. */
  takeFirst(use: (next: WantedPipeline) => Promise<number>): Promise<number> {
    const next = this.#left.shift()!;
    return this.#use(next, use, () => this.#left.unshift(next));
  }

  takeLast(use: (next: WantedPipeline) => Promise<number>): Promise<number> {
    const next = this.#left.pop()!;
    return this.#use(next, use, () => this.#left.push(next));
  }

  async #use(next: WantedPipeline, use: (next: WantedPipeline) => Promise<number>, putBack: () => void) {
    let milliseconds: number;
    try {
      milliseconds = await use(next);
    } catch {
      putBack();
      return Infinity;
    }
    this.onCompiled();
    return milliseconds;
  }
}

/** Whether the driver has the first and the last pipeline of a queue in its cache. Those that were used are no longer in it. */
async function hasBothEnds(helper: Compiler, queue: Queue): Promise<boolean> {
  const use = (next: WantedPipeline) => helper.use(next);
  if ((await queue.takeFirst(use)) >= CACHED_MS) return false;
  return queue.isOver || (await queue.takeLast(use)) < CACHED_MS;
}

/** Lets a helper take pipelines until none is left or one fails, as all do on a lost device. */
async function helpWith(queue: Queue, helper: Compiler | undefined): Promise<void> {
  if (!helper) return;
  while (!queue.isOver && (await queue.takeFirst((next) => helper.use(next))) < Infinity);
  helper.close();
}

/** Bytes of each buffer that is bound: those of the largest `Params`, rounded up. */
const BUFFER_BYTES = 256;

/** Uses pipelines on a device. Buffers and `Params` are zeros, for which each kernel ends at once. */
export class DeviceCompiler implements Compiler {
  readonly #pipelines: PipelineCache;
  readonly #buffers: GPUBuffer[] = [];

  /** `pipelines`: those of the device, if it has any. Otherwise it is destroyed at the end. */
  constructor(
    private readonly device: GPUDevice,
    private readonly wait: <Result>(work: Promise<Result>) => Promise<Result>,
    private readonly pipelines?: PipelineCache,
  ) {
    this.#pipelines = pipelines ?? new PipelineCache(device);
  }

  async use({ kernel, variant }: WantedPipeline): Promise<number> {
    await this.wait(this.#pipelines.prepare(kernel, variant));
    const start = performance.now();
    this.#dispatch(kernel, variant);
    await this.wait(this.device.queue.onSubmittedWorkDone());
    return performance.now() - start;
  }

  #dispatch(kernel: KernelName, variant: Variant): void {
    const { device } = this;
    const { pipeline, layout, source } = this.#pipelines.get(kernel, variant);
    // Each binding has a buffer of its own: one that is written cannot be read through another.
    const storages = source.bindings.map(() => this.#buffer(BufferUsage.STORAGE));
    const params = source.params.length > 0 ? [this.#buffer(BufferUsage.UNIFORM)] : [];
    const entries = [...storages, ...params].map((buffer, binding) => ({ binding, resource: { buffer } }));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline!);
    pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
    pass.dispatchWorkgroups(1);
    pass.end();
    device.queue.submit([encoder.finish()]);
  }

  #buffer(usage: number): GPUBuffer {
    const buffer = this.device.createBuffer({ size: BUFFER_BYTES, usage });
    this.#buffers.push(buffer);
    return buffer;
  }

  close(): void {
    for (const buffer of this.#buffers.splice(0)) buffer.destroy();
    if (!this.pipelines) this.device.destroy();
  }
}
