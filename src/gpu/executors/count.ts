import type { AdapterDescription, GpuFeatures } from "../adapter.js";
import { Block, type OnBlock } from "../block.js";
import type { KernelName } from "../kernel-source.js";
import { BlockPool, type BlockSource, type GpuMemory } from "../pool.js";
import { SharedMemory } from "../shared-memory.js";
import type { GpuStorage, StorageRange } from "../storage.js";
import { CommandStream } from "../stream.js";
import { portableTable, type DeviceFacts } from "../tuning.js";
import { StreamMemory } from "../stream-memory.js";
import type { AnyBindings, Dispatch, Executor } from "./executor.js";
import { EncodedAnew, type RepeatedWork } from "./repeated-work.js";

/** Larger than any model needs, and small enough that sums stay exact. */
const UNLIMITED = 2 ** 48;

const ADAPTER: AdapterDescription = {
  vendor: "",
  architecture: "",
  device: "",
  description: "counting",
  implementation: "none",
  isSoftware: true,
};
const FEATURES: GpuFeatures = { f16: true, subgroups: false, subgroupMatrix: false, timestamps: false };

/** Creates blocks without buffers; never runs out of memory. */
class CountedBlocks implements BlockSource {
  readonly maxBufferSize = UNLIMITED;

  create(bytes: number): Block {
    const block = new Block(bytes, undefined, Promise.resolve(undefined));
    block.isValid = true;
    return block;
  }

  destroy(): void {
    // There is no buffer.
  }

  flushAll(): void {
    // Nothing is queued.
  }
}

/** Allocates like the eager executor, but only counts. Needs no device. */
class CountExecutor implements Executor {
  readonly isDryRun = true;
  readonly pool = new BlockPool(new CountedBlocks());
  readonly memory = new StreamMemory(this.pool, () => undefined);
  readonly sharedMemory = new SharedMemory(this.pool, () => undefined);
  readonly onBlock: OnBlock = () => undefined;

  dispatch<K extends KernelName>(_kernel: K, call: Dispatch<K>): void {
    const bindings: AnyBindings = call.bindings;
    for (const range of Object.values(bindings)) range?.storage.locate(this);
  }

  write(target: GpuStorage): void {
    target.locate(this);
  }

  clear(target: GpuStorage): void {
    target.locate(this);
  }

  copy(source: StorageRange, target: StorageRange): void {
    source.storage.locate(this);
    target.storage.locate(this);
  }

  read(source: GpuStorage, byteLength: number): Promise<ArrayBuffer> {
    source.locate(this);
    return Promise.resolve(new ArrayBuffer(byteLength));
  }

  repeatedWork(): RepeatedWork {
    return new EncodedAnew(this.memory);
  }

  flush(): void {
    this.memory.returnFreed();
  }

  sync(): Promise<void> {
    this.flush();
    return Promise.resolve();
  }

  close(): void {
    this.memory.close();
  }
}

/** Counts, without a device, the memory that the commands of a stream would take on one. */
export class MemoryCounter {
  readonly #executor = new CountExecutor();
  /** A dry run: reads give zeros. */
  readonly stream: CommandStream;

  /** `maxBindingSize`: bytes that a kernel can bind. `device`: what kernels and weights depend on. */
  constructor(maxBindingSize = UNLIMITED, device: Partial<DeviceFacts> = {}) {
    const { adapter = ADAPTER, features = FEATURES, tuning = portableTable } = device;
    const facts = { adapter, features, tuning, maxBindingSize };
    this.stream = new CommandStream(this.#executor, facts);
  }

  memory(): GpuMemory {
    return this.#executor.pool.memory();
  }

  /** Frees what is kept for reuse and resets the peaks. */
  reset(): void {
    this.#executor.pool.trim();
    this.#executor.pool.resetPeaks();
  }

  /** Runs `body`, whose peaks do not count. */
  async ignore<T>(body: () => Promise<T>): Promise<T> {
    const before = this.memory();
    try {
      return await body();
    } finally {
      this.reset();
      this.#executor.pool.raisePeaks(before);
    }
  }
}
