import type { Grid } from "../grid.js";
import type { BindingName, KernelName, ParamName } from "../kernel-source.js";
import type { Variant } from "../pipelines.js";
import type { SharedMemory } from "../shared-memory.js";
import type { GpuStorage, StorageRange, StorageUser } from "../storage.js";
import type { RepeatedWork } from "./repeated-work.js";

/** One run of a kernel. Optional inputs may be `undefined`. */
export interface Dispatch<K extends KernelName> extends Variant<K> {
  readonly bindings: Readonly<Record<BindingName<K>, StorageRange | undefined>>;
  readonly params: Readonly<Record<ParamName<K>, number>>;
  readonly grid: Grid;
}

/** What any kernel binds, by binding. */
export type AnyBindings = Readonly<Record<string, StorageRange | undefined>>;
export type AnyParams = Readonly<Record<string, number>>;

/** Carries out the commands of a stream. `modulePath` is the module in the model that a command belongs to. */
export interface Executor extends StorageUser {
  /** Whether nothing is computed: reads return zeros immediately. */
  readonly isDryRun: boolean;
  /** Memory of weights. */
  readonly sharedMemory: SharedMemory;
  dispatch<K extends KernelName>(kernel: K, call: Dispatch<K>, modulePath: string): void;
  write(target: GpuStorage, data: ArrayBufferView, offset: number): void;
  clear(target: GpuStorage): void;
  copy(source: StorageRange, target: StorageRange): void;
  read(source: GpuStorage, byteLength: number): Promise<ArrayBuffer>;
  /** Work that is done many times on the same memory. */
  repeatedWork(): RepeatedWork;
  /** Submits what is queued. */
  flush(): void;
  /** Submits what is queued and waits until it has run. Rejects with the first error. */
  sync(): Promise<void>;
  /** Drops what is queued, and returns freed memory to the pool. */
  close(): void;
}
