import type { GpuFeatures, AdapterDescription } from "./adapter.js";
import { Dalle2Error } from "../platform/dalle2-error.js";
import { InternalError } from "../platform/internal-error.js";
import { isLasting } from "./errors.js";
import type { Dispatch, Executor } from "./executors/executor.js";
import type { RepeatedWork } from "./executors/repeated-work.js";
import type { KernelName } from "./kernel-source.js";
import type { DeviceFacts, TuningTable } from "./tuning.js";
import { GpuStorage, type StorageRange } from "./storage.js";

/** What kernel variants may depend on. */
export interface StreamFacts extends DeviceFacts {
  /** Bytes that a kernel can bind. Operations on larger tensors are split. */
  readonly maxBindingSize: number;
  /** What a workgroup may have. Default: no limit. */
  readonly workgroupLimits?: WorkgroupLimits;
}

/** Limits of a workgroup. */
export interface WorkgroupLimits {
  /** Bytes of its memory. */
  readonly bytes: number;
  readonly invocations: number;
}

const NO_LIMITS: WorkgroupLimits = { bytes: Infinity, invocations: Infinity };

/**
 * The commands of one call, in order. Several streams may use a device at the same time. Each gets only its own errors.
 * Memory that one stream frees can be used by another after the commands that used it are submitted. The executor
 * decides what happens with a command: run, record, only compile, or only count.
 *
 * Order is guaranteed only within a stream. If two streams use a tensor, the one that writes it must `flush` before the
 * other reads it. Weights are handled like that.
 */
export class CommandStream {
  #path = "";
  #isClosed = false;

  /** Use `GpuDevice.stream`, or `countingStream`. */
  constructor(
    private readonly executor: Executor,
    private readonly facts: StreamFacts,
    private readonly onClose: (stream: CommandStream) => void = () => undefined,
  ) {}

  get adapter(): AdapterDescription {
    return this.facts.adapter;
  }

  get features(): GpuFeatures {
    return this.facts.features;
  }

  get tuning(): TuningTable {
    return this.facts.tuning;
  }

  /** Bytes that a kernel can bind. */
  get maxBindingSize(): number {
    return this.facts.maxBindingSize;
  }

  /** What a workgroup may have. */
  get workgroupLimits(): WorkgroupLimits {
    return this.facts.workgroupLimits ?? NO_LIMITS;
  }

  /** Whether nothing is computed: tensors have no content, and reads return zeros immediately. */
  get isDryRun(): boolean {
    return this.executor.isDryRun;
  }

  /**
   * Declares `byteLength` bytes of storage, which are allocated at the first use. The caller releases it. Throws
   * `GpuLimitError`, with `advice`, if the adapter does not allow such a large buffer.
   */
  allocate(byteLength: number, label: string, advice?: string): GpuStorage {
    const bytes = Math.max(16, Math.ceil(byteLength / 16) * 16);
    return new GpuStorage(this.executor.memory, bytes, label, advice);
  }

  /** Makes a declared storage use the memory of weights, which streams share. Call it before the first use. */
  share(storage: GpuStorage): void {
    storage.placeIn(this.executor.sharedMemory);
  }

  /** Allocates shared storages together, so that small ones share blocks. Allocates none if one fails. */
  allocateTogether(storages: readonly GpuStorage[]): void {
    const { executor } = this;
    const wanted = storages.map(({ byteLength, label }) => ({ bytes: byteLength, label: this.#at(label) }));
    const ranges = executor.sharedMemory.acquireTogether(wanted, executor.onBlock);
    for (const [i, storage] of storages.entries()) storage.assign(ranges[i]!);
  }

  /** Runs `body`. Its dispatches belong to the module `path` of the model, relative to the enclosing `at`. */
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

  /** Path of the module that is being encoded; empty outside of `at`. */
  get modulePath(): string {
    return this.#path;
  }

  /** Encodes one run of a kernel. It is submitted by `flush`, by a read, or after enough other commands. */
  dispatch<K extends KernelName>(kernel: K, call: Dispatch<K>): void {
    this.#checkOpen();
    this.executor.dispatch(kernel, call, this.#path);
  }

  /** Copies bytes into a storage. Commands that this stream encoded before still see the old content. */
  write(target: GpuStorage, data: ArrayBufferView, offset = 0): void {
    this.#checkOpen();
    this.executor.write(target, data, offset);
  }

  /** Fills a storage with zeros. */
  clear(target: GpuStorage): void {
    this.#checkOpen();
    this.executor.clear(target);
  }

  /** Copies bytes of a storage into another, to a range of the same size. */
  copy(source: StorageRange, target: StorageRange): void {
    this.#checkOpen();
    if (source.byteLength !== target.byteLength) {
      const [from, to] = [source.storage.label, target.storage.label];
      throw new InternalError(`${to} has ${target.byteLength} bytes, ${from} ${source.byteLength}.`);
    }
    this.executor.copy(source, target);
  }

  /** Copies the bytes of a storage to the host, after all commands encoded so far. Rejects like `sync`. */
  async read(source: GpuStorage, byteLength = source.byteLength): Promise<ArrayBuffer> {
    this.#checkOpen();
    return this.executor.read(source, byteLength);
  }

  /** Work that is done many times on the same memory, like the passes of a sampling loop. The caller disposes it. */
  repeatedWork(): RepeatedWork {
    this.#checkOpen();
    return this.executor.repeatedWork();
  }

  /** Submits the encoded commands. */
  flush(): void {
    this.executor.flush();
  }

  /**
   * Submits the encoded commands and waits until they have run. Rejects with the typed error of anything that went
   * wrong since the last wait. The stream can be used again afterwards.
   */
  async sync(): Promise<void> {
    this.#checkOpen();
    await this.executor.sync();
  }

  /**
   * Prepares the stream for reuse after a failed call: waits until the submitted commands have left the device, and
   * ignores their errors. Rejects only with `DeviceLostError` or `DisposedError`.
   */
  async recover(): Promise<void> {
    await this.executor.sync().catch((error: unknown) => {
      if (isLasting(error)) throw error;
    });
  }

  /**
   * Drops commands that are not submitted. Nothing more can be encoded, but tensors of the stream may still be
   * disposed.
   */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.executor.close();
    this.onClose(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new InternalError("A command stream was used after it was closed.");
  }

  #at(label: string): string {
    return this.#path === "" ? label : `${label} of ${this.#path}`;
  }
}
