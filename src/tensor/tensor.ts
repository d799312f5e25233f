import { ArgumentError } from "../platform/arguments.js";
import type { GpuStorage } from "../gpu/storage.js";
import type { CommandStream } from "../gpu/stream.js";
import { padChannels, type ComputeType, type DType } from "./dtype.js";

/** Values on the host, row major and without padding. */
export type HostArray = Float32Array | Uint32Array | Int32Array | readonly number[];

/** The methods of an arena that code with a tensor may use; `Arena` documents them. */
export interface TensorArena {
  readonly stream: CommandStream;
  readonly dtype: ComputeType;
  withType(dtype: ComputeType): TensorArena;
  scope<T>(body: () => T): T;
  empty(shape: readonly number[], dtype?: DType): Tensor;
  detached(shape: readonly number[], dtype?: DType, name?: string): Tensor;
  packed(shape: readonly number[], dtype?: DType, name?: string, columns?: number): Tensor;
  from(data: HostArray, shape: readonly number[], dtype?: DType): Tensor;
  fromNchw(data: Float32Array, shape: readonly [number, number, number, number], dtype?: DType): Tensor;
  upload(tensor: Tensor, data: HostArray): void;
  read(tensor: Tensor): Promise<Float32Array>;
  readNchw(tensor: Tensor): Promise<Float32Array>;
  adopt(tensor: Tensor): Tensor;
  share(tensor: Tensor): Tensor;
}

/**
 * An array on the GPU, row major, channels last. Feature maps are `[batch, height, width, channels]`, tokens are
 * `[batch, length, channels]`. In storage each row of channels is padded with zeros to a multiple of 4, so that kernels
 * read whole vec4s. `shape` is the shape without padding. Operations keep the padding zero.
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

  /** Elements of one row in storage: channels rounded up to a multiple of 4. */
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
   * Returns a tensor with another shape on the same storage. The last axis may change only if neither shape has
   * padding, because padding is at the end of each row. Throws `ArgumentError` otherwise.
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

  /** Reads the values, without padding, after all work encoded so far. u32 values are converted to floats. */
  read(): Promise<Float32Array> {
    return this.arena.read(this);
  }

  /** Frees the memory. A tensor created in a scope is disposed with the scope. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.storage.release();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
