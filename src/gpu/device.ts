import { byteLimit, checkArguments } from "../platform/arguments.js";
import { DisposedError } from "../platform/disposed-error.js";
import { warnOnConsole } from "../platform/printable.js";
import type { AdapterDescription, GpuFeatures } from "./adapter.js";
import type { GpuCounters } from "./counters.js";
import { DeviceCore } from "./device-core.js";
import { DeviceLostError } from "./errors.js";
import { CompileExecutor, type CompilingOptions } from "./executors/compile.js";
import { EagerExecutor } from "./executors/eager.js";
import type { OpenDevice } from "./first-uses.js";
import type { Executor } from "./executors/executor.js";
import { RecordExecutor, type RecordedCommand } from "./executors/record.js";
import type { GpuMemory } from "./pool.js";
import { CommandStream, type WorkgroupLimits } from "./stream.js";
import { isLavapipe, shippedTable, type TuningTable } from "./tuning.js";
import type { KernelTime } from "./timing.js";
import type { GpuLimits, WebGpuDevice } from "./web-gpu-device.js";

/** Options of a device. */
export interface GpuOptions {
  /** Bytes of freed buffers kept for reuse. Default 1 GiB. */
  readonly poolBytes?: number;
  /**
   * Bytes that all tensors together may take, including memory kept for reuse. Beyond it, `GpuOutOfMemoryError` is
   * thrown. Default: Infinity, that is, as much as the device has.
   */
  readonly memoryLimit?: number;
  /**
   * Bytes of a tensor that a kernel can bind; simulates an adapter with a smaller limit. Operations on larger tensors are
   * split. Default: the adapter's limit.
   */
  readonly maxBindingSize?: number;
  /** Bytes of the largest tensor; simulates an adapter with a smaller limit. Default: the adapter's limit. */
  readonly maxBufferSize?: number;
  /** Variants of kernels to use. Default: the table that was measured on adapters like this one. */
  readonly tuning?: TuningTable | undefined;
  /** Measure each kernel with timestamp queries (`kernelTimes`). Slower. */
  readonly timeKernels?: boolean;
}

const GPU_RULES = {
  poolBytes: byteLimit,
  memoryLimit: byteLimit,
  maxBindingSize: byteLimit,
  maxBufferSize: byteLimit,
};

/** Throws `ArgumentError` if a limit is not a number of bytes. */
export function checkGpuOptions(options: Omit<GpuOptions, "tuning">): void {
  checkArguments(GPU_RULES, options);
}

/**
 * Options of a command stream.
 *
 * @internal
 */
export interface StreamOptions {
  /** `eager` (the default) runs the commands. `compile` only compiles their pipelines, in parallel. */
  readonly executor?: "eager" | "compile";
  /** With `compile`: the signal, and who is told how many kernels are compiled. */
  readonly compiling?: CompilingOptions;
  /** Called for each command that runs, except reads. */
  readonly onCommand?: (command: RecordedCommand) => void;
  /** Bytes that a kernel can bind. Streams that share weights must have the same. Default: the limit of the device. */
  readonly maxBindingSize?: number;
  /** Variants of kernels. Streams that share weights must have the same. Default: the table of the device. */
  readonly tuning?: TuningTable;
  /** What a workgroup may have. Default: the limits of the device. */
  readonly workgroupLimits?: WorkgroupLimits;
}

/**
 * A WebGPU device with its memory and pipelines. Any number of calls may use it at the same time: each has its own
 * `stream`. It does not know about tensors.
 */
export class GpuDevice {
  /** The underlying WebGPU device. */
  readonly device: WebGpuDevice;
  /** Describes the adapter. */
  readonly adapter: AdapterDescription;
  /** The optional features that are enabled. */
  readonly features: GpuFeatures;
  /** The limits of the device. */
  readonly limits: GpuLimits;
  readonly #core: DeviceCore;
  readonly #maxBindingSize: number;
  #tuning: TuningTable;

  /** @internal */
  constructor(
    device: GPUDevice,
    adapter: AdapterDescription,
    features: GpuFeatures,
    options: GpuOptions = {},
    openDevice?: OpenDevice,
  ) {
    checkGpuOptions(options);
    this.device = device;
    this.adapter = adapter;
    this.features = features;
    this.#tuning = options.tuning ?? shippedTable(adapter);
    const { poolBytes, memoryLimit = Infinity, timeKernels = false } = options;
    const { maxBindingSize = Infinity, maxBufferSize = Infinity } = options;
    this.limits = device.limits;
    this.#maxBindingSize = Math.min(device.limits.maxStorageBufferBindingSize, maxBindingSize);
    this.#core = new DeviceCore(device, {
      poolBytes,
      maxBufferSize,
      timeKernels: timeKernels && features.timestamps,
      isDawn: adapter.implementation === "Dawn",
      openDevice: isLavapipe(adapter) ? openDevice : undefined,
    });
    this.memoryLimit = memoryLimit;
    void device.lost.then(({ reason, message }) => {
      // A disposed device reports itself as lost, too.
      this.#core.failure ??= new DeviceLostError(reason, message);
    });
    device.addEventListener("uncapturederror", ({ error }) => {
      // Streams use their own error scopes, so this error belongs to no call and must not reject one.
      warnOnConsole(`WebGPU reported an error that belongs to no call: ${error.message}`);
    });
  }

  /** Which variants of kernels it runs. */
  get tuning(): TuningTable {
    return this.#tuning;
  }

  /**
   * Replaces the table. Call it before weights are loaded, whose layout may depend on it.
   *
   * @internal
   */
  useTuning(table: TuningTable): void {
    this.#tuning = table;
  }

  /**
   * A stream of commands, for one call. The caller closes it.
   *
   * @internal
   */
  stream({
    executor: kind = "eager",
    compiling,
    onCommand,
    maxBindingSize = this.#maxBindingSize,
    tuning = this.tuning,
    workgroupLimits = {
      bytes: this.limits.maxComputeWorkgroupStorageSize,
      invocations: this.limits.maxComputeInvocationsPerWorkgroup,
    },
  }: StreamOptions = {}): CommandStream {
    const executor = kind === "compile" ? new CompileExecutor(this.#core, compiling) : this.#eager(onCommand);
    this.#core.streams.add(executor);
    const { adapter, features } = this;
    return new CommandStream(executor, { adapter, features, tuning, maxBindingSize, workgroupLimits }, () => {
      this.#core.streams.delete(executor);
    });
  }

  #eager(onCommand: StreamOptions["onCommand"]): Executor {
    const eager = new EagerExecutor(this.#core);
    return onCommand ? new RecordExecutor(eager, onCommand) : eager;
  }

  /** Returns how much memory the buffers of this device take. */
  memory(): GpuMemory {
    return this.#core.pool.memory();
  }

  /** Resets `peakBytes` and `peakAllocatedBytes` to the current values, to measure what follows. */
  resetPeaks(): void {
    this.#core.pool.resetPeaks();
  }

  /** Counts of operations since the device was opened. */
  get counters(): Readonly<GpuCounters> {
    return { ...this.#core.counters };
  }

  /** Bytes that all tensors together may take, as in `GpuOptions`. Lowering it does not free tensors in use. */
  get memoryLimit(): number {
    return this.#core.pool.memoryLimit;
  }

  /** Setting it throws `ArgumentError` if the value is not a number of bytes. */
  set memoryLimit(bytes: number) {
    this.#core.pool.memoryLimit = byteLimit("memoryLimit", bytes);
    this.trim();
  }

  /**
   * Bytes that tensors may take: the smaller of `memoryLimit` and the adapter's memory; undefined if neither is known.
   */
  get memoryBytes(): number | undefined {
    const bytes = Math.min(this.memoryLimit, this.adapter.memoryBytes ?? Infinity);
    return Number.isFinite(bytes) ? bytes : undefined;
  }

  /** Frees the memory that is kept for reuse. Memory in use is not affected. */
  trim(): void {
    this.#core.pool.trim();
    this.#core.reclaim();
  }

  /**
   * GPU time for each kernel variant, longest first. Empty unless `timeKernels` is set and the adapter has timestamps.
   */
  async kernelTimes(): Promise<KernelTime[]> {
    this.#core.flushAll();
    const { timer } = this.#core;
    return timer ? await this.#core.wait(timer.totals()) : [];
  }

  /** Destroys the device. Its storages cannot be used afterwards. */
  dispose(): void {
    this.#core.failure ??= new DisposedError("The GPU device was disposed.", { code: "device/disposed" });
    this.device.destroy();
  }

  /** Same as `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
