import { ArgumentError } from "../platform/arguments.js";
import type { GpuStorage } from "../gpu/storage.js";
import type { CommandStream } from "../gpu/stream.js";
import { padChannels, type ComputeType, type DType } from "./dtype.js";

/** Values on the host, row major and without padding. */
export type HostArray = Float32Array | Uint32Array | Int32Array | readonly number[];

/** What whoever was given a tensor may ask of its arena; `Arena` says what each does. */
export interface TensorArena {
  readonly stream: CommandStream;
  readonly dtype: ComputeType;
  withType(dtype: ComputeType): TensorArena;
  scope<T>(body: () => T): T;
  empty(shape: readonly number[], dtype?: DType): Tensor;
  detached(shape: readonly number[], dtype?: DType, name?: string): Tensor;
  packed(shape: readonly number[], dtype?: DType, name?: string): Tensor;
  from(data: HostArray, shape: readonly number[], dtype?: DType): Tensor;
  fromNchw(data: Float32Array, shape: readonly [number, number, number, number], dtype?: DType): Tensor;
  upload(tensor: Tensor, data: HostArray): void;
  read(tensor: Tensor): Promise<Float32Array>;
  readNchw(tensor: Tensor): Promise<Float32Array>;
  adopt(tensor: Tensor): Tensor;
  share(tensor: Tensor): Tensor;
}

/**
 * An array on the GPU, row major, channels last: feature maps are `[batch, height, width, channels]`, tokens
 * `[batch, length, channels]`. In storage each row of channels is padded with zeros to a multiple of 4, so that kernels
 * read whole vec4s; `shape` is the logical shape. Operations keep the padding zero.
 */
export class Tensor {
  #disposed = false;

  /** Use `Arena.empty` or `Arena.from`. */
  constructor(
    readonly arena: TensorArena,
    readonly shape: readonly number[],
    readonly dtype: DType,
    readonly storage: GpuStorage,
  ) {}

  /** Size of the last axis. */
  get channels(): number {
    return this.shape.at(-1) ?? 1;
  }

  /** Elements from one row to the next in storage: channels rounded up to a multiple of 4. */
  get stride(): number {
    return padChannels(this.channels);
  }

  /** Product of all axes but the last. */
  get rows(): number {
    return this.shape.slice(0, -1).reduce((product, size) => product * size, 1);
  }

  /** Number of vec4s in storage. */
  get vectors(): number {
    return (this.rows * this.stride) / 4;
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  /**
   * The same storage under another shape. The last axis may change only where neither shape has padding, because
   * padding sits at the end of each row. Throws `ArgumentError` otherwise.
   */
  reshape(shape: readonly number[]): Tensor {
    const channels = shape.at(-1) ?? 1;
    const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
    const unpadded = this.channels % 4 === 0 && channels % 4 === 0;
    if (rows * channels !== this.rows * this.channels || (channels !== this.channels && !unpadded)) {
      throw new ArgumentError("shape", `Cannot reshape [${this.shape.join(", ")}] to [${shape.join(", ")}].`, {
        code: "argument/mismatch",
      });
    }
    this.storage.retain();
    return this.arena.adopt(new Tensor(this.arena, shape, this.dtype, this.storage));
  }

  /** Values on the host, without padding, after all work encoded so far. u32 values come as numbers too. */
  read(): Promise<Float32Array> {
    return this.arena.read(this);
  }

  /** Returns the memory to the pool. A tensor made in a scope is disposed with it. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.storage.release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
