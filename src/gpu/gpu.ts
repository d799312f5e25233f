import { byteLimit, checkArguments } from "../platform/arguments.js";
import { Dalle2Error } from "../platform/dalle2-error.js";
import { DisposedError } from "../platform/disposed-error.js";
import { BufferUsage, MapMode } from "./constants.js";
import { asGpuError, DeviceLostError, isLasting, GpuOutOfMemoryError, GpuValidationError } from "./errors.js";
import type { GpuError } from "./errors.js";
import type { Grid } from "./grid.js";
import type { BindingName, KernelName, ParamName } from "./kernel-source.js";
import { PipelineCache, type Variant } from "./pipelines.js";
import { BufferPool, type GpuMemory } from "./pool.js";
import { StagingBuffers } from "./staging.js";
import { GpuStorage } from "./storage.js";
import { KernelTimer, type KernelTime } from "./timing.js";
import { UniformRing } from "./uniforms.js";

/** What the opened adapter is. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** A driver that computes on the CPU (lavapipe, SwiftShader). */
  readonly isSoftware: boolean;
  /** Bytes of its memory, where that is known: the system's for a software adapter. */
  readonly memoryBytes?: number | undefined;
}

/** What an adapter may have beyond the minimum of WebGPU. */
export interface GpuFeatures {
  readonly f16: boolean;
  readonly subgroups: boolean;
  readonly subgroupMatrix: boolean;
  readonly timestamps: boolean;
}

/** How a device is used. */
export interface GpuOptions {
  /** Bytes of freed buffers kept for reuse. Default 1 GiB. */
  readonly poolBytes?: number;
  /**
   * Bytes that tensors may take together, those kept for reuse included; what does not fit is a `GpuOutOfMemoryError`.
   * Default: Infinity, whatever the device has.
   */
  readonly memoryLimit?: number;
  /** Largest tensor in bytes, to act like an adapter with a smaller limit. Default: the adapter's. */
  readonly maxBindingSize?: number;
  /** Measure each kernel with timestamp queries (`kernelTimes`). Slower. */
  readonly timeKernels?: boolean;
}

/** One run of a kernel. Storages that a kernel takes optionally may be `undefined`. */
export interface Dispatch<K extends KernelName> extends Variant<K> {
  readonly bindings: Readonly<Record<BindingName<K>, GpuStorage | undefined>>;
  readonly params: Readonly<Record<ParamName<K>, number>>;
  readonly grid: Grid;
  /** Where in the model the work belongs; shown in error messages. */
  readonly label?: string | undefined;
}

/** What an error scope caught. */
type Check = Promise<GpuError | undefined>;

const GPU_RULES = { poolBytes: byteLimit, memoryLimit: byteLimit, maxBindingSize: byteLimit };

/** Dispatches per submit: enough to hide the cost of submitting, few enough that no driver's watchdog bites. */
const BATCH = 128;

/** Throws `ArgumentError` for limits that are no numbers of bytes. */
export function checkGpuOptions(options: GpuOptions): void {
  checkArguments(GPU_RULES, options);
}

/** A WebGPU device with its memory pool, pipelines and command batching. Knows nothing of tensors. */
export class Gpu {
  readonly limits: GPUSupportedLimits;
  readonly #pool: BufferPool;
  readonly #pipelines: PipelineCache;
  readonly #uniforms: UniformRing;
  readonly #timer: KernelTimer | undefined;
  readonly #staging: StagingBuffers;
  /** Bound where an optional input is absent. */
  readonly #absent: GPUBuffer;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;
  #encoded = 0;
  #dry = false;
  #path = "";
  /** Error scopes of what was submitted since the last `sync` or `read`. */
  readonly #checks: Check[] = [];
  #failure: Error | undefined;

  constructor(
    readonly device: GPUDevice,
    readonly adapter: AdapterDescription,
    readonly features: GpuFeatures,
    options: GpuOptions = {},
    /** Whether the device is one that computes nothing. */
    private readonly isCounting = false,
  ) {
    checkGpuOptions(options);
    this.limits = device.limits;
    this.#pool = new BufferPool(device, {
      poolBytes: options.poolBytes ?? 2 ** 30,
      maxBindingSize: options.maxBindingSize ?? Infinity,
      onCheck: (check) => {
        this.#keep(check);
      },
    });
    this.memoryLimit = options.memoryLimit ?? Infinity;
    this.#pipelines = new PipelineCache(device);
    this.#uniforms = new UniformRing(device);
    this.#timer = options.timeKernels && features.timestamps ? new KernelTimer(device) : undefined;
    this.#staging = new StagingBuffers(device);
    this.#absent = device.createBuffer({ label: "absent", size: 256, usage: BufferUsage.STORAGE });
    void device.lost.then(({ reason, message }) => {
      if (!(this.#failure && isLasting(this.#failure))) this.#failure = new DeviceLostError(reason, message);
    });
    device.addEventListener("uncapturederror", (event) => {
      const { error } = event;
      this.#failure ??= new GpuValidationError(error.message);
    });
  }

  /**
   * Declares `byteLength` bytes of storage, allocated when first used. The caller releases it. Throws `GpuLimitError` where the
   * adapter allows no such size, with `advice` on what to do.
   */
  allocate(byteLength: number, label: string, advice?: string): GpuStorage {
    return new GpuStorage(this.#pool, Math.max(16, Math.ceil(byteLength / 16) * 16), label, advice);
  }

  /** Runs `body`; what it dispatches belongs to the place `path` in the model, below that of the `at` around it. */
  at<T>(path: string | number, body: () => T): T {
    const outer = this.#path;
    this.#path = outer === "" ? String(path) : `${outer}.${path}`;
    try {
      return body();
    } catch (error) {
      throw error instanceof Dalle2Error ? error.locate({ module: this.#path }) : error;
    } finally {
      this.#path = outer;
    }
  }

  /** Where in the model the commands belong that are encoded now; empty outside of `at`. */
  get place(): string {
    return this.#path;
  }

  /** Encodes one run of a kernel. It runs when the batch is submitted: after `flush`, a read, or enough other work. */
  dispatch<K extends KernelName>(kernel: K, call: Dispatch<K>): void {
    if (this.#dry) {
      this.#pipelines.prepare(kernel, call);
      return;
    }
    this.#throwIfFailed();
    if (this.#uniforms.isFull || this.#timer?.isFull || this.#encoded >= BATCH) this.flush();
    // Opens the batch, whose error scope then sees all that follows.
    this.#commands();
    const { source, layout, pipeline, key } = this.#pipelines.get(kernel, call);
    const bindings: Readonly<Record<string, GpuStorage | undefined>> = call.bindings;
    const entries: GPUBindGroupEntry[] = source.bindings.map(({ name }, binding) => {
      const storage = bindings[name];
      return {
        binding,
        resource: storage ? { buffer: storage.buffer, size: storage.byteLength } : { buffer: this.#absent },
      };
    });
    let offsets: number[] = [];
    if (source.params.length > 0) {
      entries.push({
        binding: entries.length,
        resource: { buffer: this.#uniforms.buffer, size: source.params.length * 4 },
      });
      offsets = [this.#uniforms.write(source, call.params)];
    }
    const place = call.label ?? this.#path;
    const label = place === "" ? key : `${key} @ ${place}`;
    const pass = this.#beginPass(key);
    pass.setPipeline(pipeline!);
    pass.setBindGroup(0, this.device.createBindGroup({ label, layout, entries }), offsets);
    pass.dispatchWorkgroups(...call.grid);
    this.#encoded++;
    if (this.#timer) this.#endPass();
  }

  /** Copies bytes into a storage. Work encoded before it still sees the old content. */
  write(target: GpuStorage, data: ArrayBufferView, offset = 0): void {
    if (this.#dry) return;
    this.#throwIfFailed();
    this.flush();
    const { buffer } = target;
    this.device.pushErrorScope("validation");
    this.device.queue.writeBuffer(buffer, offset, data.buffer, data.byteOffset, data.byteLength);
    this.#checkValidation();
  }

  /** Fills a storage with zeros. */
  clear(target: GpuStorage): void {
    if (this.#dry) return;
    this.#endPass();
    this.#commands().clearBuffer(target.buffer, 0, target.byteLength);
  }

  /** Copies a storage's bytes to the host, after all work encoded so far. In a dry run they are zero, at once. */
  async read(source: GpuStorage, byteLength = source.byteLength): Promise<ArrayBuffer> {
    if (this.isDryRun) return new ArrayBuffer(byteLength);
    this.#throwIfFailed();
    const size = Math.ceil(byteLength / 4) * 4;
    this.#endPass();
    const commands = this.#commands();
    const staging = this.#staging.take(size);
    try {
      commands.copyBufferToBuffer(source.buffer, 0, staging, 0, size);
      this.flush();
      const checks = this.#checks.splice(0);
      await staging.mapAsync(MapMode.READ, 0, size).catch((error: unknown) => this.#explain(error, checks));
      const bytes = staging.getMappedRange(0, size).slice(0, byteLength);
      await this.#settle(checks);
      return bytes;
    } finally {
      this.#staging.giveBack(staging);
    }
  }

  /** Submits what is encoded. */
  flush(): void {
    this.#endPass();
    if (this.#encoder) this.#submit(this.#encoder);
    this.#pool.sweep();
  }

  #submit(encoder: GPUCommandEncoder): void {
    this.#encoder = undefined;
    this.#encoded = 0;
    const collect = this.#timer?.resolve(encoder);
    this.#uniforms.upload();
    this.device.queue.submit([encoder.finish()]);
    this.#keep(
      this.device.popErrorScope().then((error) => (error ? new GpuOutOfMemoryError(error.message) : undefined)),
    );
    this.#checkValidation();
    collect?.();
  }

  /** Submits what is encoded and waits until it has run. Rejects with the typed error of anything that went wrong. */
  async sync(): Promise<void> {
    this.flush();
    // Before anything is waited for: what others encode meanwhile is theirs to hear of.
    const checks = this.#checks.splice(0);
    await this.device.queue.onSubmittedWorkDone().catch((error: unknown) => this.#explain(error, checks));
    await this.#settle(checks);
  }

  /**
   * After a call that failed: waits until its work has left the device, forgets what that reported, and destroys buffers
   * kept for reuse, so that the next call starts afresh. Rejects with `DeviceLostError` alone.
   */
  async recover(): Promise<void> {
    await this.sync().catch((error: unknown) => {
      if (isLasting(error)) throw error;
    });
    this.trim();
  }

  /**
   * Walks through `body` without running it: its dispatches only compile their pipelines, in parallel, and its tensors
   * take no memory. Compiling ahead keeps the first picture from waiting for one kernel after the other.
   */
  async warmup(body: () => void | Promise<void>): Promise<void> {
    this.#dry = true;
    try {
      await body();
    } finally {
      this.#dry = false;
    }
    await this.#pipelines.settled();
  }

  /** Whether what is encoded now will not be computed: it is compiled, or counted. */
  get isDryRun(): boolean {
    return this.#dry || this.isCounting;
  }

  /** How much memory the buffers of this device take. */
  memory(): GpuMemory {
    return this.#pool.memory();
  }

  /** Forgets `peakBytes` and `peakAllocatedBytes`, to measure those of what follows. */
  resetPeaks(): void {
    this.#pool.resetPeaks();
  }

  /** Bytes that tensors may take together, as in `GpuOptions`; what is in use stays when it is lowered. */
  get memoryLimit(): number {
    return this.#pool.memoryLimit;
  }

  set memoryLimit(bytes: number) {
    this.#pool.memoryLimit = byteLimit("memoryLimit", bytes);
    this.trim();
  }

  /** Bytes of memory that tensors may take: `memoryLimit`, or the adapter's memory; undefined where neither is known. */
  get memoryBytes(): number | undefined {
    const bytes = Math.min(this.memoryLimit, this.adapter.memoryBytes ?? Infinity);
    return Number.isFinite(bytes) ? bytes : undefined;
  }

  /** Destroys buffers kept for reuse. */
  trim(): void {
    this.#pool.trim();
    this.flush();
  }

  /** GPU time per kernel variant, longest first; empty unless opened with `timeKernels` on an adapter with timestamps. */
  async kernelTimes(): Promise<KernelTime[]> {
    await this.sync();
    return (await this.#timer?.totals()) ?? [];
  }

  /** Destroys the device. Storages of it are dead afterwards. */
  dispose(): void {
    this.#endPass();
    this.#encoder = undefined;
    this.#failure ??= new DisposedError("The GPU device was disposed.", { code: "device/disposed" });
    this.device.destroy();
  }

  /** The same as `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The encoder of the batch; opening one opens the error scopes that `flush` closes. */
  #commands(): GPUCommandEncoder {
    if (!this.#encoder) {
      this.device.pushErrorScope("validation");
      this.device.pushErrorScope("out-of-memory");
      this.#encoder = this.device.createCommandEncoder();
    }
    return this.#encoder;
  }

  /** Closes the scope "validation". */
  #checkValidation(): void {
    this.#keep(
      this.device.popErrorScope().then((error) => (error ? new GpuValidationError(error.message) : undefined)),
    );
  }

  /** Keeps what the next `sync` or `read` waits for. Until then a failure must not end the host as an unhandled one. */
  #keep(check: Check): void {
    check.catch(() => undefined);
    this.#checks.push(check);
  }

  #beginPass(key: string): GPUComputePassEncoder {
    return (this.#pass ??= this.#commands().beginComputePass(
      this.#timer ? { timestampWrites: this.#timer.pass(key) } : undefined,
    ));
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }

  /** Waits for error scopes of submitted batches and throws what they caught. */
  async #settle(checks: readonly Check[]): Promise<void> {
    const results = await Promise.allSettled(checks);
    await this.#pipelines.settled();
    this.#throwIfFailed();
    const errors = results.map((result) => (result.status === "fulfilled" ? result.value : asGpuError(result.reason)));
    const found = errors.filter((error) => error !== undefined);
    // What is done with a buffer that got no memory is invalid too, and no error of its own.
    const error = found.find((one): boolean => one instanceof GpuOutOfMemoryError) ?? found[0];
    if (error) throw error;
  }

  /** Throws the typed error of what ended a wait: that of the work waited for, or of a device that went away. */
  async #explain(error: unknown, checks: readonly Check[]): Promise<never> {
    await this.#settle(checks);
    throw asGpuError(error);
  }

  #throwIfFailed(): void {
    const failure = this.#failure;
    if (!failure) return;
    // A lost device stays lost; any other error belongs to the call in flight and is reported once.
    if (!isLasting(failure)) this.#failure = undefined;
    throw failure;
  }
}
