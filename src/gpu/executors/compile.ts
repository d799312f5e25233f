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
    const { signal } = this.options;
    signal?.throwIfAborted();
    const pending = this.#pending;
    this.#pending = [];
    const wanted = [...this.#wanted.values()];
    this.#wanted.clear();
    const progress = this.#progressOf(wanted.length);
    const { firstUses } = this.core;
    const uses = firstUses?.compile(wanted, { signal, onCompiled: progress.add });
    // Where pipelines are compiled at their first use, they are created at once.
    if (!firstUses) for (const one of pending) one.then(progress.add, () => undefined);
    const results = await orAborted(this.core.wait(Promise.allSettled(pending)), signal);
    const failed = results.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
    await uses;
    signal?.throwIfAborted();
    progress.end();
  }

  #progressOf(total: number) {
    const { onProgress = () => undefined } = this.options;
    let compiled = 0;
    const report = (count: number): void => {
      if (count <= compiled) return;
      compiled = count;
      onProgress(compiled, total);
    };
    onProgress(0, total);
    const add = (): void => {
      report(compiled + 1);
    };
    // The driver may have had the rest in its cache.
    const end = (): void => {
      report(total);
    };
    return { add, end };
  }

  close(): void {
    this.#pending = [];
  }
}
