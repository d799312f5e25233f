import { compilingDevices, waitForDawn } from "#platform";
import { BindGroupCache } from "./bind-groups.js";
import { Block } from "./block.js";
import { BufferUsage } from "./constants.js";
import type { GpuCounters } from "./counters.js";
import type { DisposedError } from "../platform/disposed-error.js";
import { GpuOutOfMemoryError, type DeviceLostError } from "./errors.js";
import { DeviceCompiler, FirstUses, type OpenDevice } from "./first-uses.js";
import { PipelineCache } from "./pipelines.js";
import { BlockPool, type BlockSource } from "./pool.js";
import { SharedMemory } from "./shared-memory.js";
import { StagingBuffers } from "./staging.js";
import { SubmitPace } from "./submit-pace.js";
import { KernelTimer } from "./timing.js";
import { UniformTable } from "./uniforms.js";

export interface CoreOptions {
  readonly poolBytes: number | undefined;
  readonly maxBufferSize: number;
  readonly timeKernels: boolean;
  /** Whether Dawn implements the device. */
  readonly isDawn: boolean;
  /** Where the driver compiles pipelines at their first use. */
  readonly openDevice: OpenDevice | undefined;
}

/** A stream with commands that may not be submitted yet. */
export interface Flushable {
  flush(): void;
}

/** Submits after which destroyed memory is back at the system. */
const RECLAIM_ROUNDS = 4;

/** What the streams of a device share: memory, pipelines, uniforms and staging buffers. */
export class DeviceCore implements BlockSource {
  readonly pool: BlockPool;
  readonly sharedMemory: SharedMemory;
  readonly pipelines: PipelineCache;
  /** Where the driver compiles pipelines at their first use. */
  readonly firstUses: FirstUses | undefined;
  readonly bindGroups: BindGroupCache;
  readonly uniforms: UniformTable;
  readonly staging: StagingBuffers;
  readonly timer: KernelTimer | undefined;
  readonly pace = new SubmitPace();
  /** Bound in place of an optional input that is absent. */
  readonly absent: GPUBuffer;
  readonly counters: GpuCounters = { uploads: 0, bindGroups: 0, submits: 0, dispatches: 0 };
  /** Streams that may have commands that are not submitted yet. */
  readonly streams = new Set<Flushable>();
  readonly maxBufferSize: number;
  readonly #isDawn: boolean;
  /** Whether buffers were destroyed whose memory the driver may still hold. */
  #hasDestroyed = false;
  /** Why the device can no longer be used. */
  failure: DeviceLostError | DisposedError | undefined;

  constructor(
    readonly device: GPUDevice,
    { poolBytes, maxBufferSize, timeKernels, isDawn, openDevice }: CoreOptions,
  ) {
    this.#isDawn = isDawn;
    this.maxBufferSize = Math.min(device.limits.maxBufferSize, maxBufferSize);
    const flushAll = (): void => {
      this.flushAll();
    };
    this.pool = new BlockPool(this, poolBytes);
    this.sharedMemory = new SharedMemory(this.pool, flushAll);
    this.pipelines = new PipelineCache(device);
    this.firstUses = openDevice && this.#firstUses(openDevice);
    this.bindGroups = new BindGroupCache(device, () => this.counters.bindGroups++);
    this.uniforms = new UniformTable(device, flushAll);
    this.staging = new StagingBuffers(device);
    this.timer = timeKernels ? new KernelTimer(device) : undefined;
    this.absent = device.createBuffer({
      label: "absent",
      size: 256,
      usage: BufferUsage.STORAGE | BufferUsage.COPY_DST,
    });
  }

  #firstUses(openDevice: OpenDevice): FirstUses {
    const compiler = (device: GPUDevice, pipelines?: PipelineCache) =>
      new DeviceCompiler(device, (work) => this.wait(work), pipelines);
    const openHelper = async (): Promise<DeviceCompiler | undefined> => {
      const device = await openDevice().catch(() => undefined);
      return device && compiler(device);
    };
    return new FirstUses(compiler(this.device, this.pipelines), openHelper, compilingDevices());
  }

  create(bytes: number, label: string): Block {
    const { device } = this;
    // The scope is open for this call only, so it catches only errors of the new buffer.
    device.pushErrorScope("out-of-memory");
    const buffer = device.createBuffer({
      size: bytes,
      usage: BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST,
    });
    const outcome = device.popErrorScope().then((error) => {
      if (!error) return undefined;
      return new GpuOutOfMemoryError(
        `The GPU is out of memory: it could not allocate ${bytes} bytes for ${label}. ${error.message}`,
      );
    });
    return new Block(bytes, buffer, outcome);
  }

  destroy({ buffer }: Block): void {
    buffer?.destroy();
    this.#hasDestroyed = true;
  }

  /** Waits for work of the device; the processor is free meanwhile. */
  wait<Result>(work: Promise<Result>): Promise<Result> {
    return this.#isDawn ? waitForDawn(work) : work;
  }

  flushAll(): void {
    for (const stream of this.streams) stream.flush();
  }

  /** Makes the driver free what was destroyed since the last call. */
  reclaim(): void {
    if (!this.#hasDestroyed) return;
    this.#hasDestroyed = false;
    this.bindGroups.clear();
    // Dawn frees memory after a later submit has run, on a busy machine only after several. It drops submits of nothing.
    const again = async (): Promise<void> => {
      for (let round = 0; round < RECLAIM_ROUNDS && !this.failure; round++) {
        const encoder = this.device.createCommandEncoder();
        encoder.clearBuffer(this.absent);
        this.submit([encoder.finish()]);
        await this.wait(this.device.queue.onSubmittedWorkDone());
      }
    };
    // A lost device has freed everything already.
    again().catch(() => undefined);
  }

  submit(commands: readonly GPUCommandBuffer[]): void {
    this.device.queue.submit(commands);
    this.counters.submits++;
  }
}
