import type { OnBlock, Range } from "../block.js";
import type { Grid } from "../grid.js";
import type { KernelName } from "../kernel-source.js";
import { variantKey } from "../pipelines.js";
import type { SharedMemory } from "../shared-memory.js";
import type { GpuStorage, StorageRange } from "../storage.js";
import type { StreamMemory } from "../stream-memory.js";
import type { EagerExecutor } from "./eager.js";
import type { AnyBindings, AnyParams, Dispatch, Executor } from "./executor.js";
import { EncodedAnew, type RepeatedWork } from "./repeated-work.js";

/** A dispatch with everything that is needed to replay it. */
export interface RecordedDispatch {
  readonly kind: "dispatch";
  /** Key of the pipeline: kernel and variant. */
  readonly key: string;
  /** Module in the model that it belongs to. */
  readonly modulePath: string;
  /** Memory of its storages, by binding; undefined for an absent optional one. */
  readonly storages: Readonly<Record<string, Range | undefined>>;
  readonly params: AnyParams;
  readonly grid: Grid;
}

/** A change of a storage's content by something other than a kernel. */
export interface RecordedFill {
  readonly kind: "write" | "clear" | "copy";
  readonly target: Range;
}

export type RecordedCommand = RecordedDispatch | RecordedFill;

/** Runs commands and reports each to `onCommand`. */
export class RecordExecutor implements Executor {
  readonly isDryRun = false;
  readonly memory: StreamMemory;
  readonly onBlock: OnBlock;

  constructor(
    private readonly inner: EagerExecutor,
    private readonly onCommand: (command: RecordedCommand) => void,
  ) {
    this.memory = inner.memory;
    this.onBlock = inner.onBlock;
  }

  get sharedMemory(): SharedMemory {
    return this.inner.sharedMemory;
  }

  dispatch<K extends KernelName>(kernel: K, call: Dispatch<K>, modulePath: string): void {
    this.inner.dispatch(kernel, call, modulePath);
    const bindings: AnyBindings = call.bindings;
    const storages = Object.entries(bindings).map(([name, range]) => [name, range && this.#placeOf(range)] as const);
    this.onCommand({
      kind: "dispatch",
      key: variantKey(kernel, call),
      modulePath,
      storages: Object.fromEntries(storages),
      params: call.params,
      grid: call.grid,
    });
  }

  write(target: GpuStorage, data: ArrayBufferView, offset: number): void {
    this.inner.write(target, data, offset);
    this.onCommand({ kind: "write", target: target.locate(this) });
  }

  clear(target: GpuStorage): void {
    this.inner.clear(target);
    this.onCommand({ kind: "clear", target: target.locate(this) });
  }

  copy(source: StorageRange, target: StorageRange): void {
    this.inner.copy(source, target);
    this.onCommand({ kind: "copy", target: this.#placeOf(target) });
  }

  #placeOf({ storage, offset }: StorageRange): Range {
    const { block, offset: start } = storage.locate(this);
    return { block, offset: start + offset };
  }

  read(source: GpuStorage, byteLength: number): Promise<ArrayBuffer> {
    return this.inner.read(source, byteLength);
  }

  /** Each run is reported, so none is replayed. */
  repeatedWork(): RepeatedWork {
    return new EncodedAnew(this.memory);
  }

  flush(): void {
    this.inner.flush();
  }

  sync(): Promise<void> {
    return this.inner.sync();
  }

  close(): void {
    this.inner.close();
  }
}
