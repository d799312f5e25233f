import { byteLimit, checkArguments } from "../platform/arguments.js";
import { DisposedError } from "../platform/disposed-error.js";
import { warnOnConsole } from "../platform/printable.js";
import type { AdapterDescription, GpuFeatures } from "./adapter.js";
import type { GpuCounters } from "./counters.js";
import { DeviceCore } from "./device-core.js";
import { DeviceLostError } from "./errors.js";
import { CompileExecutor } from "./executors/compile.js";
import { EagerExecutor } from "./executors/eager.js";
import type { Executor } from "./executors/executor.js";
import { RecordExecutor, type RecordedCommand } from "./executors/record.js";
import type { GpuMemory } from "./pool.js";
import { CommandStream } from "./stream.js";
import type { KernelTime } from "./timing.js";
import type { GpuLimits, WebGpuDevice } from "./web-gpu-device.js";

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

const GPU_RULES = { poolBytes: byteLimit, memoryLimit: byteLimit, maxBindingSize: byteLimit };

/** Throws `ArgumentError` for limits that are no numbers of bytes. */
export function checkGpuOptions(options: GpuOptions): void {
  checkArguments(GPU_RULES, options);
}

/**
 * What happens with the commands of a stream.
 *
 * @internal
 */
export interface StreamOptions {
  /** `compile`: pipelines are compiled, in parallel, and nothing else happens. Default `eager`: commands run. */
  readonly executor?: "eager" | "compile";
  /** Is told of each command that runs, but for reads. */
  readonly onCommand?: (command: RecordedCommand) => void;
}

/**
 * A WebGPU device with its memory and pipelines, for any number of calls at once: each has a `stream` of its own. Knows
 * nothing of tensors.
 */
export class GpuDevice {
  /** The device of WebGPU below. */
  readonly device: WebGpuDevice;
  /** What computes. */
  readonly adapter: AdapterDescription;
  /** What it has beyond the minimum of WebGPU, and may use. */
  readonly features: GpuFeatures;
  /** What it can do at most. */
  readonly limits: GpuLimits;
  readonly #core: DeviceCore;

  /** @internal */
  constructor(device: GPUDevice, adapter: AdapterDescription, features: GpuFeatures, options: GpuOptions = {}) {
    checkGpuOptions(options);
    this.device = device;
    this.adapter = adapter;
    this.features = features;
    const { poolBytes, maxBindingSize = Infinity, memoryLimit = Infinity, timeKernels = false } = options;
    this.limits = device.limits;
    this.#core = new DeviceCore(device, {
      poolBytes,
      maxBindingSize,
      timeKernels: timeKernels && features.timestamps,
    });
    this.memoryLimit = memoryLimit;
    void device.lost.then(({ reason, message }) => {
      // One that was disposed is lost too.
      this.#core.failure ??= new DeviceLostError(reason, message);
    });
    device.addEventListener("uncapturederror", ({ error }) => {
      // Whatever a stream does is inside of error scopes of its own, so nobody's call is to be rejected for this.
      warnOnConsole(`WebGPU reported an error that belongs to no call: ${error.message}`);
    });
  }

  /**
   * A stream of commands, for one call. The caller closes it.
   *
   * @internal
   */
  stream({ executor: kind = "eager", onCommand }: StreamOptions = {}): CommandStream {
    const executor = this.#executor(kind, onCommand);
    this.#core.streams.add(executor);
    return new CommandStream(executor, { adapter: this.adapter, features: this.features }, () => {
      this.#core.streams.delete(executor);
    });
  }

  #executor(kind: "eager" | "compile", onCommand: StreamOptions["onCommand"]): Executor {
    if (kind === "compile") return new CompileExecutor(this.#core.pipelines, this.#core.sharedMemory);
    const eager = new EagerExecutor(this.#core);
    return onCommand ? new RecordExecutor(eager, onCommand) : eager;
  }

  /** How much memory the buffers of this device take. */
  memory(): GpuMemory {
    return this.#core.pool.memory();
  }

  /** Forgets `peakBytes` and `peakAllocatedBytes`, to measure those of what follows. */
  resetPeaks(): void {
    this.#core.pool.resetPeaks();
  }

  /** What was asked of the device since it was opened. */
  get counters(): Readonly<GpuCounters> {
    return { ...this.#core.counters };
  }

  /** Bytes that tensors may take together, as in `GpuOptions`; what is in use stays when it is lowered. */
  get memoryLimit(): number {
    return this.#core.pool.memoryLimit;
  }

  /** Throws `ArgumentError` for what is no number of bytes. */
  set memoryLimit(bytes: number) {
    this.#core.pool.memoryLimit = byteLimit("memoryLimit", bytes);
    this.trim();
  }

  /** Bytes of memory that tensors may take: `memoryLimit`, or the adapter's memory; undefined where neither is known. */
  get memoryBytes(): number | undefined {
    const bytes = Math.min(this.memoryLimit, this.adapter.memoryBytes ?? Infinity);
    return Number.isFinite(bytes) ? bytes : undefined;
  }

  /** Gives the memory that is kept for reuse back to the system. What calls use stays. */
  trim(): void {
    this.#core.pool.trim();
    this.#core.reclaim();
  }

  /** GPU time per kernel variant, longest first; empty unless opened with `timeKernels` on an adapter with timestamps. */
  async kernelTimes(): Promise<KernelTime[]> {
    this.#core.flushAll();
    return (await this.#core.timer?.totals()) ?? [];
  }

  /** Destroys the device. Storages of it are dead afterwards. */
  dispose(): void {
    this.#core.failure ??= new DisposedError("The GPU device was disposed.", { code: "device/disposed" });
    this.device.destroy();
  }

  /** The same as `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
