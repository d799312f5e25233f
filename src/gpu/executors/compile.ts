import { orAborted } from "../../platform/or-aborted.js";
import type { OnBlock, Range, StorageMemory } from "../block.js";
import type { DeviceCore } from "../device-core.js";
import { GpuError } from "../errors.js";
import type { CompileOptions, WantedPipeline } from "../first-uses.js";
import type { KernelName } from "../kernel-source.js";
import { variantKey, type Variant } from "../pipelines.js";
import type { SharedMemory } from "../shared-memory.js";
import type { Dispatch, Executor } from "./executor.js";
import type { RepeatedWork } from "./repeated-work.js";

/** Allocates nothing: tensors of a dry run have no memory. */
class NoMemory implements StorageMemory {
  constructor(readonly maxBufferSize: number) {}

  acquire(_bytes: number, label: string): Range {
    throw new GpuError(`${label} was used in a dry run, which has no memory.`);
  }

  release(): void {
    // Nothing was allocated.
  }
}

const WITHOUT_MEMORY: RepeatedWork = {
  run: (_kind, body) => body(),
  dispose: () => undefined,
  [Symbol.dispose]: () => undefined,
};

/** How the pipelines of a stream are compiled. */
export interface CompilingOptions extends Pick<CompileOptions, "signal"> {
  /** Called with the number of kernels that are compiled, and of all. */
  readonly onProgress?: ((compiledKernels: number, totalKernels: number) => void) | undefined;
}

/** Compiles the pipelines of dispatched kernels, in parallel. Runs nothing. */
export class CompileExecutor implements Executor {
  readonly isDryRun = true;
  readonly memory: StorageMemory;
  readonly onBlock: OnBlock = () => undefined;
  #pending: Promise<void>[] = [];
  /** In the order in which they are needed. */
  readonly #wanted = new Map<string, WantedPipeline>();

  constructor(
    private readonly core: DeviceCore,
    private readonly options: CompilingOptions = {},
  ) {
    this.memory = new NoMemory(core.maxBufferSize);
  }

  get sharedMemory(): SharedMemory {
    return this.core.sharedMemory;
  }

  dispatch<K extends KernelName>(kernel: K, call: Dispatch<K>): void {
    const { types, constants, overrides, choices } = call;
    const variant: Variant = { types, constants, overrides, choices };
    const key = variantKey(kernel, variant);
    if (this.#wanted.has(key)) return;
    this.#wanted.set(key, { kernel, variant });
    const ready = this.core.pipelines.prepare(kernel, call);
    // `sync` awaits it. Until then a failure must not end the process as an unhandled rejection.
    ready.catch(() => undefined);
    this.#pending.push(ready);
  }

  write(): void {
    // Nothing reads the content.
  }

  clear(): void {
    // Nothing reads the content.
  }

  copy(): void {
    // Nothing reads the content.
  }

  read(_source: unknown, byteLength: number): Promise<ArrayBuffer> {
    return Promise.resolve(new ArrayBuffer(byteLength));
  }

  repeatedWork(): RepeatedWork {
    return WITHOUT_MEMORY;
  }

  flush(): void {
    // Nothing is queued.
  }

  /** Waits until everything is compiled. Rejects with the first `ShaderError`, or with the reason of the signal. */
  async sync(): Promise<void> {
    this.options.signal?.throwIfAborted();
    const pending = this.#pending;
    this.#pending = [];
    const wanted = [...this.#wanted.values()];
    this.#wanted.clear();
    const progress = new Progress(wanted.length, this.options);
    try {
      await this.#compile(wanted, pending, progress);
      // The driver may have had the rest in its cache.
      progress.report(wanted.length);
      progress.signal.throwIfAborted();
    } finally {
      progress.end();
    }
  }

  async #compile(
    wanted: readonly WantedPipeline[],
    pending: readonly Promise<unknown>[],
    progress: Progress,
  ): Promise<void> {
    const { signal } = progress;
    const onCompiled = (): void => {
      progress.report(progress.compiled + 1);
    };
    progress.start();
    const { firstUses } = this.core;
    const uses = firstUses?.compile(wanted, { signal, onCompiled });
    // Where pipelines are compiled at their first use, they are created at once.
    if (!firstUses) for (const one of pending) one.then(onCompiled, () => undefined);
    const results = await orAborted(this.core.wait(Promise.allSettled(pending)), signal);
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
    await uses;
  }

  close(): void {
    this.#pending = [];
  }
}

/** Tells how many pipelines are compiled, until the call is over. If `onProgress` throws, the call ends with that error. */
class Progress {
  compiled = 0;
  /** That of the call, or that `onProgress` threw. */
  readonly signal: AbortSignal;
  readonly #thrown = new AbortController();
  #isOver = false;

  constructor(
    private readonly total: number,
    private readonly options: CompilingOptions,
  ) {
    const { signal } = options;
    this.signal = signal ? AbortSignal.any([signal, this.#thrown.signal]) : this.#thrown.signal;
  }

  start(): void {
    this.#tell();
  }

  report(compiled: number): void {
    if (compiled <= this.compiled) return;
    this.compiled = compiled;
    this.#tell();
  }

  /** Nothing is told any more. */
  end(): void {
    this.#isOver = true;
  }

  #tell(): void {
    if (this.#isOver || this.signal.aborted) return;
    try {
      this.options.onProgress?.(this.compiled, this.total);
    } catch (error) {
      this.#thrown.abort(error);
    }
  }
}
