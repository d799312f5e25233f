import type { Grid } from "../grid.js";
import type { BindingName, KernelName, ParamName } from "../kernel-source.js";
import type { Variant } from "../pipelines.js";
import type { SharedMemory } from "../shared-memory.js";
import type { GpuStorage, StorageUser } from "../storage.js";

/** One run of a kernel. Storages that a kernel takes optionally may be `undefined`. */
export interface Dispatch<K extends KernelName> extends Variant<K> {
  readonly bindings: Readonly<Record<BindingName<K>, GpuStorage | undefined>>;
  readonly params: Readonly<Record<ParamName<K>, number>>;
  readonly grid: Grid;
}

/** What a kernel reads and writes, whatever kernel it is. */
export type AnyBindings = Readonly<Record<string, GpuStorage | undefined>>;
export type AnyParams = Readonly<Record<string, number>>;

/** What happens with the commands of a stream. `place` is where in the model a command belongs. */
export interface Executor extends StorageUser {
  /** Whether nothing is computed: reads give zeros at once. */
  readonly isDryRun: boolean;
  /** What weights take their memory from. */
  readonly sharedMemory: SharedMemory;
  dispatch<K extends KernelName>(kernel: K, call: Dispatch<K>, place: string): void;
  write(target: GpuStorage, data: ArrayBufferView, offset: number): void;
  clear(target: GpuStorage): void;
  copy(source: GpuStorage, target: GpuStorage): void;
  read(source: GpuStorage, byteLength: number): Promise<ArrayBuffer>;
  /** Submits what is queued. */
  flush(): void;
  /** Submits what is queued and waits until it has run. Rejects with the error of anything that went wrong. */
  sync(): Promise<void>;
  /** Drops what is queued, and gives back what was freed. */
  close(): void;
}
