import type { GpuFeatures, AdapterDescription } from "./adapter.js";
import { Dalle2Error } from "../platform/dalle2-error.js";
import { InternalError } from "../platform/internal-error.js";
import { isLasting } from "./errors.js";
import type { Dispatch, Executor } from "./executors/executor.js";
import type { KernelName } from "./kernel-source.js";
import { GpuStorage } from "./storage.js";

/** What the variant of a kernel may be chosen by. */
export interface StreamFacts {
  readonly adapter: AdapterDescription;
  readonly features: GpuFeatures;
}

/**
 * The commands of one call, in order. Several streams may use a device at once: each hears of its own errors alone, and
 * memory that one frees reaches another when the commands that used it are submitted. What happens with a command is the
 * executor's: it is run, only compiled, only counted, or recorded as well.
 *
 * Order holds within a stream. A tensor that two streams use is to be submitted (`flush`) by the one that writes it before
 * the other reads it, as weights are.
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

  /** Whether nothing is computed: tensors have no content, and reads give zeros at once. */
  get isDryRun(): boolean {
    return this.executor.isDryRun;
  }

  /**
   * Declares `byteLength` bytes of storage, allocated when first used. The caller releases it. Throws `GpuLimitError` where the
   * adapter allows no such size, with `advice` on what to do.
   */
  allocate(byteLength: number, label: string, advice?: string): GpuStorage {
    const bytes = Math.max(16, Math.ceil(byteLength / 16) * 16);
    return new GpuStorage(this.executor.memory, bytes, label, advice);
  }

  /** Has a storage that was declared take its memory where weights are, for streams to share; before it is first used. */
  share(storage: GpuStorage): void {
    storage.placeIn(this.executor.sharedMemory);
  }

  /** Takes memory for shared storages together; small ones lie in few blocks. Takes none where that fails. */
  allocateTogether(storages: readonly GpuStorage[]): void {
    const { executor } = this;
    const wanted = storages.map(({ byteLength, label }) => ({ bytes: byteLength, label: this.#at(label) }));
    const ranges = executor.sharedMemory.acquireTogether(wanted, executor.onBlock);
    for (const [i, storage] of storages.entries()) storage.settle(ranges[i]!);
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

  /** Encodes one run of a kernel. It runs when it is submitted: after `flush`, a read, or enough other work. */
  dispatch<K extends KernelName>(kernel: K, call: Dispatch<K>): void {
    this.#checkOpen();
    this.executor.dispatch(kernel, call, this.#path);
  }

  /** Copies bytes into a storage. What this stream encoded before it still sees the old content. */
  write(target: GpuStorage, data: ArrayBufferView, offset = 0): void {
    this.#checkOpen();
    this.executor.write(target, data, offset);
  }

  /** Fills a storage with zeros. */
  clear(target: GpuStorage): void {
    this.#checkOpen();
    this.executor.clear(target);
  }

  /** Copies the bytes of a storage into another of the same size. */
  copy(source: GpuStorage, target: GpuStorage): void {
    this.#checkOpen();
    if (source.byteLength !== target.byteLength) {
      throw new InternalError(`${target.label} has ${target.byteLength} bytes, ${source.label} ${source.byteLength}.`);
    }
    this.executor.copy(source, target);
  }

  /** Copies a storage's bytes to the host, after all work encoded so far. Rejects as `sync` does. */
  async read(source: GpuStorage, byteLength = source.byteLength): Promise<ArrayBuffer> {
    this.#checkOpen();
    return this.executor.read(source, byteLength);
  }

  /** Submits what is encoded. */
  flush(): void {
    this.executor.flush();
  }

  /**
   * Submits what is encoded and waits until it has run. Rejects with the typed error of anything that went wrong since the
   * last wait; the stream may be used again then.
   */
  async sync(): Promise<void> {
    this.#checkOpen();
    await this.executor.sync();
  }

  /**
   * After a call that failed: waits until what it submitted has left the device, and forgets what that reported, so that the
   * stream can be used again. Rejects with `DeviceLostError` or `DisposedError` alone.
   */
  async recover(): Promise<void> {
    await this.executor.sync().catch((error: unknown) => {
      if (isLasting(error)) throw error;
    });
  }

  /** Drops what is not submitted yet. Nothing more can be encoded; tensors of the stream may still be disposed. */
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
