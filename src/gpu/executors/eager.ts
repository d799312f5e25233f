import type { BufferEntry } from "../bind-groups.js";
import type { OnBlock, Range } from "../block.js";
import { MapMode } from "../constants.js";
import type { DeviceCore } from "../device-core.js";
import { asGpuError, GpuOutOfMemoryError, GpuValidationError, ShaderError, type GpuError } from "../errors.js";
import type { Grid } from "../grid.js";
import type { KernelName } from "../kernel-source.js";
import type { Pipeline } from "../pipelines.js";
import type { SharedMemory } from "../shared-memory.js";
import { bufferOf, type GpuStorage, type StorageRange } from "../storage.js";
import { StreamMemory } from "../stream-memory.js";
import type { AnyBindings, Dispatch, Executor } from "./executor.js";

/** Commands per submit: enough to hide the cost of a submit, too few to trigger the watchdog of a driver. */
const BATCH = 128;

interface QueuedDispatch {
  readonly kind: "dispatch";
  readonly pipeline: Pipeline;
  readonly entries: readonly BufferEntry[];
  readonly offsets: readonly number[];
  readonly grid: Grid;
  readonly modulePath: string;
}

interface QueuedClear {
  readonly kind: "clear";
  readonly target: Range;
  readonly bytes: number;
}

interface QueuedCopy {
  readonly kind: "copy";
  readonly source: Range;
  readonly target: { readonly buffer: GPUBuffer; readonly offset: number };
  readonly bytes: number;
}

type Command = QueuedDispatch | QueuedClear | QueuedCopy;

/** Resolves to the error of some work, or to undefined. */
type Check = Promise<GpuError | undefined>;

/**
 * Runs commands. They are queued as plain records. `flush` encodes and submits them synchronously, inside one pair of
 * error scopes: the whole device has one stack of scopes, so none may be open while another stream works.
 */
export class EagerExecutor implements Executor {
  readonly isDryRun = false;
  readonly memory: StreamMemory;
  #queue: Command[] = [];
  /** Identifies the blocks that queued commands use. */
  #batch: object = {};
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

  readonly onBlock: OnBlock = (outcome) => {
    this.#addCheck(outcome);
  };

  dispatch<K extends KernelName>(kernel: K, call: Dispatch<K>, modulePath: string): void {
    this.#throwIfLost();
    if (this.#queue.length >= BATCH) this.flush();
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
    let offsets: number[] = [];
    if (source.params.length > 0) {
      const { uniforms } = this.core;
      entries.push({ binding: entries.length, resource: { buffer: uniforms.buffer, size: source.params.length * 4 } });
      offsets = [uniforms.slot(source, call.params)];
    }
    // Last, because allocating memory or a slot may submit what was queued before.
    for (const range of ranges) if (range) range.block.usedBy = this.#batch;
    this.#queue.push({ kind: "dispatch", pipeline, entries, offsets, grid: call.grid, modulePath });
  }

  write(target: GpuStorage, data: ArrayBufferView, offset: number): void {
    this.#throwIfLost();
    const range = target.locate(this);
    // Queued commands must still see the old content. A block that they do not use can be written immediately.
    if (range.block.usedBy === this.#batch || target.isSharedBeyond(this.memory)) this.flush();
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
    const staging = this.#scoped(() => this.core.staging.acquire(bytes));
    try {
      this.#push({ kind: "copy", source, target: { buffer: staging, offset: 0 }, bytes }, [source]);
      this.flush();
      const mapped = this.#scoped(() => staging.mapAsync(MapMode.READ, 0, bytes));
      const checks = this.#takeChecks();
      await this.core.wait(mapped).catch((error: unknown) => this.#throwCause(error, checks));
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
    this.#queue.push(command);
  }

  flush(): void {
    const commands = this.#queue;
    if (commands.length > 0) {
      this.#queue = [];
      this.#batch = {};
      try {
        this.#scoped(() => {
          this.#submit(commands);
        });
      } catch (error) {
        // It may be another stream that asked for the flush: this one hears of it at its next wait.
        this.#addCheck(Promise.reject(asGpuError(error)));
      }
    }
    this.memory.returnFreed();
  }

  #submit(commands: readonly Command[]): void {
    const { core } = this;
    const encoder = core.device.createCommandEncoder();
    let pass: GPUComputePassEncoder | undefined;
    const endPass = (): void => {
      pass?.end();
      pass = undefined;
    };
    for (const command of commands) {
      if (command.kind === "dispatch") {
        // A pass of its own where each dispatch is measured.
        if (core.timer) endPass();
        pass ??= encoder.beginComputePass(
          core.timer ? { timestampWrites: core.timer.pass(command.pipeline.key) } : undefined,
        );
        this.#encode(pass, command);
      } else {
        endPass();
        if (command.kind === "clear") {
          const { block, offset } = command.target;
          encoder.clearBuffer(bufferOf(block), offset, command.bytes);
        } else {
          const { source, target, bytes } = command;
          encoder.copyBufferToBuffer(bufferOf(source.block), source.offset, target.buffer, target.offset, bytes);
        }
      }
    }
    endPass();
    const collect = core.timer?.resolve(encoder);
    if (core.uniforms.upload()) core.counters.uploads++;
    core.submit([encoder.finish()]);
    collect?.();
  }

  #encode(pass: GPUComputePassEncoder, { pipeline, entries, offsets, grid, modulePath }: QueuedDispatch): void {
    const { bindGroups, counters } = this.core;
    const label = modulePath === "" ? pipeline.key : `${pipeline.key} @ ${modulePath}`;
    pass.setPipeline(pipeline.pipeline!);
    pass.setBindGroup(0, bindGroups.get(label, pipeline.layout, entries), offsets);
    pass.dispatchWorkgroups(...grid);
    counters.dispatches++;
  }

  async sync(): Promise<void> {
    this.#throwIfLost();
    this.flush();
    const checks = this.#takeChecks();
    const done = this.core.device.queue.onSubmittedWorkDone();
    await this.core.wait(done).catch((error: unknown) => this.#throwCause(error, checks));
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
