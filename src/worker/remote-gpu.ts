import type { AdapterDescription, GpuFeatures } from "../gpu/adapter.js";
import type { GpuCounters } from "../gpu/counters.js";
import type { GpuMemory } from "../gpu/pool.js";
import type { KernelTime } from "../gpu/timing.js";
import type { TuningTable } from "../gpu/tuning.js";
import type { GpuLimits } from "../gpu/web-gpu-device.js";
import type { TuneOptions, TuningResult } from "../tuning/tune.js";
import type { GpuDescription } from "./descriptions.js";
import type { Handle } from "./handle.js";
import type { Sent } from "./options.js";

/** The WebGPU device of a worker, as `GpuDevice` describes it. If it was lost, the next call opens it again. */
export class RemoteGpu {
  readonly #handle: Handle<unknown>;
  readonly #describe: () => GpuDescription;

  /** @internal */
  constructor(handle: Handle<unknown>, describe: () => GpuDescription) {
    this.#handle = handle;
    this.#describe = describe;
  }

  /**
   * What a model manager is opened on.
   *
   * @internal
   */
  static handleOf(gpu: RemoteGpu): Handle<unknown> {
    return gpu.#handle;
  }

  /** Describes the adapter. */
  get adapter(): AdapterDescription {
    return this.#describe().adapter;
  }

  /** The optional features that are enabled. */
  get features(): GpuFeatures {
    return this.#describe().features;
  }

  /** The limits of the device. */
  get limits(): GpuLimits {
    return this.#describe().limits;
  }

  /** Which variants of kernels it runs. */
  get tuning(): TuningTable {
    return this.#describe().tuning;
  }

  /** Bytes that tensors may take, when it was opened; undefined if that is not known. */
  get memoryBytes(): number | undefined {
    return this.#describe().memoryBytes;
  }

  /** Returns how much memory the buffers of this device take. */
  memory(): Promise<GpuMemory> {
    return this.#call("memory") as Promise<GpuMemory>;
  }

  /** Counts of operations since the device was opened. */
  counters(): Promise<GpuCounters> {
    return this.#call("counters") as Promise<GpuCounters>;
  }

  /** GPU time for each kernel variant, longest first. Empty unless `timeKernels` is set and the adapter has timestamps. */
  kernelTimes(): Promise<KernelTime[]> {
    return this.#call("kernelTimes") as Promise<KernelTime[]>;
  }

  /** Resets `peakBytes` and `peakAllocatedBytes` to the current values, to measure what follows. */
  async resetPeaks(): Promise<void> {
    await this.#call("resetPeaks");
  }

  /** Frees the memory that is kept for reuse. Memory in use is not affected. */
  async trim(): Promise<void> {
    await this.#call("trim");
  }

  /** Measures the variants of kernels, as `tuneGpu`. Keep the table by `WorkerClient.keepTuning`. */
  tune(options: Sent<TuneOptions> = {}): Promise<TuningResult> {
    return this.#call("tune", options) as Promise<TuningResult>;
  }

  #call(name: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#handle.call("gpu", [name, ...args]);
  }

  /** Destroys the device, and closes the model manager that opened it. Later calls reject with `DisposedError`. */
  dispose(): void {
    this.#handle.dispose();
  }

  /** The same as `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
