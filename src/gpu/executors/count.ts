import type { AdapterDescription, GpuFeatures } from "../adapter.js";
import { Block, type OnBlock } from "../block.js";
import type { KernelName } from "../kernel-source.js";
import { BlockPool, type BlockSource, type GpuMemory } from "../pool.js";
import { SharedMemory } from "../shared-memory.js";
import type { GpuStorage } from "../storage.js";
import { CommandStream } from "../stream.js";
import { StreamMemory } from "../stream-memory.js";
import type { AnyBindings, Dispatch, Executor } from "./executor.js";

/** Larger than what any model asks for, and still a number that sums stay exact with. */
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

/** Blocks without buffers, of which there is always memory for one more. */
class CountedBlocks implements BlockSource {
  readonly maxBindingSize = UNLIMITED;

  create(bytes: number): Block {
    const block = new Block(bytes, undefined, Promise.resolve(undefined));
    block.isSound = true;
    return block;
  }

  destroy(): void {
    // There is nothing.
  }

  flushAll(): void {
    // Nothing waits.
  }
}

/** Takes memory as the eager executor does, in counting alone. It needs no device. */
class CountExecutor implements Executor {
  readonly isDryRun = true;
  readonly pool = new BlockPool(new CountedBlocks());
  readonly memory = new StreamMemory(this.pool, () => undefined);
  readonly sharedMemory = new SharedMemory(this.pool, () => undefined);
  readonly onBlock: OnBlock = () => undefined;

  dispatch<K extends KernelName>(_kernel: K, call: Dispatch<K>): void {
    const bindings: AnyBindings = call.bindings;
    for (const storage of Object.values(bindings)) storage?.locate(this);
  }

  write(target: GpuStorage): void {
    target.locate(this);
  }

  clear(target: GpuStorage): void {
    target.locate(this);
  }

  copy(source: GpuStorage, target: GpuStorage): void {
    source.locate(this);
    target.locate(this);
  }

  read(source: GpuStorage, byteLength: number): Promise<ArrayBuffer> {
    source.locate(this);
    return Promise.resolve(new ArrayBuffer(byteLength));
  }

  flush(): void {
    this.memory.handOver();
  }

  sync(): Promise<void> {
    this.flush();
    return Promise.resolve();
  }

  close(): void {
    this.memory.close();
  }
}

/** Counts the memory that a device would give to what runs on a stream, without a device. */
export class MemoryCounter {
  readonly #executor = new CountExecutor();
  /** A dry run: reads give zeros. */
  readonly stream = new CommandStream(this.#executor, { adapter: ADAPTER, features: FEATURES });

  memory(): GpuMemory {
    return this.#executor.pool.memory();
  }

  /** Forgets what is kept for reuse, and the peaks. */
  reset(): void {
    this.#executor.pool.trim();
    this.#executor.pool.resetPeaks();
  }
}
