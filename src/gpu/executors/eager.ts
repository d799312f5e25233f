import type { BufferEntry } from "../bind-groups.js";
import type { OnBlock, Range } from "../block.js";
import { MapMode } from "../constants.js";
import type { DeviceCore } from "../device-core.js";
import { asGpuError, GpuOutOfMemoryError, GpuValidationError, ShaderError, type GpuError } from "../errors.js";
import type { KernelName } from "../kernel-source.js";
import type { SharedMemory } from "../shared-memory.js";
import { bufferOf, type GpuStorage, type StorageRange } from "../storage.js";
import { StreamMemory } from "../stream-memory.js";
import type { UniformTable } from "../uniforms.js";
import { submitCommands, type Command } from "./commands.js";
import type { AnyBindings, Dispatch, Executor } from "./executor.js";
import type { RepeatedWork } from "./repeated-work.js";
import { ReplayedWork, type Replayer } from "./replay.js";

/** Resolves to the error of some work, or to undefined. */
type Check = Promise<GpuError | undefined>;

/**
 * Runs commands. They are queued as plain records. `flush` encodes and submits them synchronously, inside one pair of
 * error scopes: the whole device has one stack of scopes, so none may be open while another stream works.
 */
export class EagerExecutor implements Executor, Replayer {
  readonly isDryRun = false;
  readonly memory: StreamMemory;
  #queue: Command[] = [];
  /** Identifies the blocks that queued commands use. */
  #batch: object = {};
  /** Whether replayed commands are queued, whose blocks are not marked as those of the batch. */
  #hasReplayed = false;
  /** The last submit, for the pace of the device. */
  #mark = 0;
  /** Set while commands are recorded. */
  #recorded: Command[] | undefined;
  /** Checks of the work since the last wait. */
  #checks = new Set<Check>();

  constructor(private readonly core: DeviceCore) {
    this.memory = new StreamMemory(core.pool, () => {
      core.flushAll();
    });
  }

  get sharedMemory(): SharedMemory {
    return this.core.sharedMemory;
  }

  get uniforms(): UniformTable {
    return this.core.uniforms;
  }

  readonly onBlock: OnBlock = (outcome) => {
    this.#addCheck(outcome);
  };

  dispatch<K extends KernelName>(kernel: K, call: Dispatch<K>, modulePath: string): void {
    this.#throwIfLost();
    if (this.#queue.length >= this.core.pace.limit) this.flush();
    const pipeline = this.core.pipelines.get(kernel, call);
    if (pipeline.check) this.#addCheck(pipeline.check);
    const { source } = pipeline;
    const bindings: AnyBindings = call.bindings;
    const ranges = source.bindings.map(({ name }) => bindings[name]?.storage.locate(this));
    const entries = source.bindings.map(({ name }, binding): BufferEntry => {
      const range = ranges[binding];
      if (!range) return { binding, resource: { buffer: this.core.absent } };
      const { offset, byteLength } = bindings[name]!;
      const resource = { buffer: bufferOf(range.block), offset: range.offset + offset, size: byteLength };
      return { binding, resource };
    });
    const slot = source.params.length > 0 ? this.core.uniforms.slot(source, call.params) : undefined;
    // Last, because allocating memory or a slot may submit what was queued before.
    for (const range of ranges) if (range) range.block.usedBy = this.#batch;
    const { params, grid } = call;
    this.#enqueue({ kind: "dispatch", pipeline, entries, params, slot, grid, modulePath, group: undefined });
  }

  write(target: GpuStorage, data: ArrayBufferView, offset: number): void {
    this.#throwIfLost();
    const range = target.locate(this);
    // Recorded commands must not depend on content that only the first run writes.
    this.#recorded = undefined;
    // Queued commands must still see the old content. A block that they do not use can be written immediately.
    const mayBeUsed = range.block.usedBy === this.#batch || this.#hasReplayed;
    if (mayBeUsed || target.isSharedBeyond(this.memory)) this.flush();
    this.#scoped(() => {
      const start = range.offset + offset;
      this.core.device.queue.writeBuffer(bufferOf(range.block), start, data.buffer, data.byteOffset, data.byteLength);
    });
    this.core.counters.uploads++;
  }

  clear(storage: GpuStorage): void {
    const target = storage.locate(this);
    this.#push({ kind: "clear", target, bytes: storage.byteLength }, [target]);
  }

  copy(from: StorageRange, to: StorageRange): void {
    const [source, target] = [from, to].map(({ storage, offset }) => {
      const range = storage.locate(this);
      return { block: range.block, offset: range.offset + offset };
    }) as [Range, Range];
    const end = { buffer: bufferOf(target.block), offset: target.offset };
    this.#push({ kind: "copy", source, target: end, bytes: to.byteLength }, [source, target]);
  }

  async read(storage: GpuStorage, byteLength: number): Promise<ArrayBuffer> {
    this.#throwIfLost();
    const bytes = Math.ceil(byteLength / 4) * 4;
    const source = storage.locate(this);
    this.#recorded = undefined;
    const staging = this.#scoped(() => this.core.staging.acquire(bytes));
    try {
      this.#push({ kind: "copy", source, target: { buffer: staging, offset: 0 }, bytes }, [source]);
      this.flush();
      const mapped = this.#scoped(() => staging.mapAsync(MapMode.READ, 0, bytes));
      const checks = this.#takeChecks();
      const mark = this.#mark;
      await this.core.wait(mapped).catch((error: unknown) => this.#throwCause(error, checks));
      this.core.pace.done(mark);
      const content = staging.getMappedRange(0, bytes).slice(0, byteLength);
      await this.#throwIfFailed(checks);
      this.core.staging.release(staging);
      return content;
    } catch (error) {
      this.core.staging.discard(staging);
      throw error;
    }
  }

  #push(command: Command, ranges: readonly Range[]): void {
    for (const { block } of ranges) block.usedBy = this.#batch;
    this.#enqueue(command);
  }

  #enqueue(command: Command): void {
    this.#queue.push(command);
    this.#recorded?.push(command);
  }

  repeatedWork(): RepeatedWork {
    return new ReplayedWork(this);
  }

  record(body: () => void): readonly Command[] | undefined {
    const commands: Command[] = [];
    this.#recorded = commands;
    try {
      body();
      return this.#recorded;
    } finally {
      this.#recorded = undefined;
    }
  }

  replay(commands: readonly Command[]): void {
    this.#throwIfLost();
    this.flush();
    const { limit } = this.core.pace;
    for (let start = 0; start < commands.length; start += limit) {
      if (start > 0) this.flush();
      this.#queue = commands.slice(start, start + limit);
      this.#hasReplayed = true;
    }
  }

  flush(): void {
    const commands = this.#queue;
    if (commands.length > 0) {
      this.#queue = [];
      this.#hasReplayed = false;
      this.#batch = {};
      try {
        this.#scoped(() => {
          submitCommands(this.core, commands);
        });
        this.#mark = this.core.pace.submit(commands.length);
      } catch (error) {
        // It may be another stream that asked for the flush: this one hears of it at its next wait.
        this.#addCheck(Promise.reject(asGpuError(error)));
      }
    }
    this.memory.returnFreed();
  }

  async sync(): Promise<void> {
    this.#throwIfLost();
    this.flush();
    const checks = this.#takeChecks();
    const done = this.core.device.queue.onSubmittedWorkDone();
    const mark = this.#mark;
    await this.core.wait(done).catch((error: unknown) => this.#throwCause(error, checks));
    this.core.pace.done(mark);
    await this.#throwIfFailed(checks);
  }

  close(): void {
    this.#queue = [];
    this.#checks.clear();
    this.memory.close();
  }

  /** Runs a synchronous `body` inside error scopes, whose errors belong to this stream. */
  #scoped<T>(body: () => T): T {
    const { device } = this.core;
    device.pushErrorScope("validation");
    device.pushErrorScope("out-of-memory");
    try {
      return body();
    } finally {
      this.#addCheck(
        device.popErrorScope().then((error) => (error ? new GpuOutOfMemoryError(error.message) : undefined)),
      );
      this.#addCheck(
        device.popErrorScope().then((error) => (error ? new GpuValidationError(error.message) : undefined)),
      );
    }
  }

  /**
   * Adds a check that the next `sync` or `read` waits for. Until then a failure must not end the process as an
   * unhandled rejection.
   */
  #addCheck(check: Check): void {
    check.catch(() => undefined);
    this.#checks.add(check);
  }

  #takeChecks(): ReadonlySet<Check> {
    const checks = this.#checks;
    this.#checks = new Set();
    return checks;
  }

  /** Waits for the checks of submitted work and throws the error that they found; drops what is queued by then. */
  async #throwIfFailed(checks: ReadonlySet<Check>): Promise<void> {
    const results = await Promise.allSettled(checks);
    const found = results
      .map((result) => (result.status === "fulfilled" ? result.value : asGpuError(result.reason)))
      .filter((error) => error !== undefined);
    const error = this.core.failure ?? causeOf(found);
    if (error) this.#queue = [];
    // By now it is known whether new blocks of the submitted work are valid.
    if (this.#queue.length === 0) this.memory.returnFreed();
    if (error) throw error;
  }

  /** Throws the typed error of a failed wait: that of the work, or that of a lost device. */
  async #throwCause(error: unknown, checks: ReadonlySet<Check>): Promise<never> {
    await this.#throwIfFailed(checks);
    throw asGpuError(error);
  }

  #throwIfLost(): void {
    if (this.core.failure) throw this.core.failure;
  }
}

/**
 * Returns the error that caused the others: commands that use a buffer without memory, or a pipeline that did not
 * compile, are invalid too.
 */
function causeOf(errors: readonly GpuError[]): GpuError | undefined {
  return (
    errors.find((error) => error instanceof GpuOutOfMemoryError) ??
    errors.find((error) => error instanceof ShaderError) ??
    errors[0]
  );
}
