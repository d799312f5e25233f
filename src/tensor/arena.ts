import { ArgumentError } from "../platform/arguments.js";
import { InternalError } from "../platform/internal-error.js";
import { isPlainObject } from "../platform/objects.js";
import type { CommandStream } from "../gpu/stream.js";
import {
  bytesPerElement,
  padChannels,
  SCALE_BYTES,
  type ComputeType,
  type DType,
  type WeightFormat,
  type WeightType,
} from "./dtype.js";
import { fromHalf, toHalf } from "./half.js";
import { Tensor, type HostArray, type TensorArena } from "./tensor.js";

export interface ArenaOptions {
  /**
   * Puts guard values behind every tensor, so that `checkGuards` finds kernels that write past their output. Only for
   * tests, because it keeps every tensor alive. Default: false.
   */
  readonly guards?: boolean;
  /** What weights of products are stored in. Default: `full`, the dtype of the arena. */
  readonly weights?: WeightFormat | undefined;
}

const GUARD_BYTES = 256;
const GUARD_WORD = 0x7fa5a5a5;

/** Creates the tensors of one call and frees them by scope. Operations on them are encoded on the stream of the call. */
export class Arena implements TensorArena {
  readonly #scopes: Tensor[][];
  readonly #guarded: { tensor: Tensor; bytes: number }[] = [];

  /** `dtype` is the storage type of activations, and of large weights if `weights` does not say another one. */
  constructor(
    readonly stream: CommandStream,
    readonly dtype: ComputeType = "f32",
    private readonly options: ArenaOptions = {},
    scopes: Tensor[][] = [],
  ) {
    this.#scopes = scopes;
  }

  /** Storage type of weights of products. */
  get weightType(): WeightType {
    return this.options.weights === "int8" ? "int8" : this.dtype;
  }

  /**
   * Returns an arena with another storage type of activations on the same stream. Both share their scopes, so that models with
   * different types can exchange tensors.
   */
  withType(dtype: ComputeType): Arena {
    return dtype === this.dtype ? this : new Arena(this.stream, dtype, this.options, this.#scopes);
  }

  /**
   * Runs `body` and frees every tensor created in it. Tensors in its result (a tensor, or an array or plain object with
   * tensors) move to the enclosing scope instead. `body` is synchronous: it only encodes work. Outside of any scope the
   * caller disposes its tensors.
   */
  scope<T>(body: () => T): T {
    const made: Tensor[] = [];
    this.#scopes.push(made);
    let kept: ReadonlySet<Tensor> = new Set();
    try {
      const result = body();
      kept = tensorsIn(result);
      return result;
    } finally {
      this.#scopes.pop();
      const parent = this.#scopes.at(-1);
      for (const tensor of made) {
        if (!kept.has(tensor)) tensor.dispose();
        else parent?.push(tensor);
      }
    }
  }

  /** Creates a tensor with unspecified content. */
  empty(shape: readonly number[], dtype: DType = this.dtype): Tensor {
    if (shape.some((size) => !Number.isInteger(size) || size < 0)) {
      throw new ArgumentError("shape", `[${shape.join(", ")}] is not a shape: expected whole numbers from 0.`);
    }
    const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
    const bytes = rows * padChannels(shape.at(-1) ?? 1) * bytesPerElement(dtype);
    const label = `tensor ${dtype}[${shape.join(", ")}]`;
    const storage = this.stream.allocate(this.options.guards ? bytes + GUARD_BYTES : bytes, label);
    const tensor = new Tensor(this, shape, dtype, storage);
    if (this.options.guards) {
      storage.retain();
      this.#guarded.push({ tensor, bytes });
      this.stream.write(storage, new Uint32Array(storage.byteLength / 4).fill(GUARD_WORD));
    }
    return this.adopt(tensor);
  }

  /** Creates a tensor that belongs to no scope: it lives until it is disposed. `name` is given for a weight. */
  detached(shape: readonly number[], dtype: DType = this.dtype, name?: string): Tensor {
    const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
    const bytes = rows * padChannels(shape.at(-1) ?? 1) * bytesPerElement(dtype);
    if (name !== undefined) return this.#weight(shape, dtype, bytes, name);
    return new Tensor(this, shape, dtype, this.stream.allocate(bytes, `tensor ${dtype}[${shape.join(", ")}]`));
  }

  /**
   * Creates a weight `[..., in, out]` in the layout of matrix kernels: in storage the `in` axis is padded to a multiple
   * of 4, too. A weight in int8 also has a scale for each of its `columns`, by default its outputs. It belongs to no scope; the
   * caller disposes it.
   */
  packed(shape: readonly number[], dtype: DType = this.dtype, name = "", columns = shape.at(-1) ?? 1): Tensor {
    const [inputs = 1, outputs = 1] = shape.slice(-2);
    const taps = shape.slice(0, -2).reduce((product, size) => product * size, 1);
    const scales = dtype === "int8" ? padChannels(columns) * SCALE_BYTES : 0;
    const bytes = taps * padChannels(inputs) * padChannels(outputs) * bytesPerElement(dtype) + scales;
    return this.#weight(shape, dtype, bytes, name);
  }

  #weight(shape: readonly number[], dtype: DType, bytes: number, name: string): Tensor {
    const label = ["weight", name, `${dtype}[${shape.join(", ")}]`].filter((part) => part !== "").join(" ");
    const half = dtype === "f32" ? ', dtype "f16", which halves the size, if the adapter supports it' : "";
    const int8 = dtype === "int8" ? "" : ', or weights "int8", with a byte for each';
    const advice = `Use an adapter with a larger limit${half}${int8}.`;
    return new Tensor(this, shape, dtype, this.stream.allocate(bytes, label, advice));
  }

  /** Creates a tensor from values, row major and without padding. Values are rounded to nearest even for f16. */
  from(data: HostArray, shape: readonly number[], dtype: DType = this.dtype): Tensor {
    const tensor = this.empty(shape, dtype);
    this.upload(tensor, data);
    return tensor;
  }

  /**
   * Replaces the values of a tensor; row major, without padding. Throws `ArgumentError` for another number of values.
   */
  upload(tensor: Tensor, data: HostArray): void {
    const { rows, channels, stride, shape, dtype } = tensor;
    if (data.length !== rows * channels) {
      throw new ArgumentError(
        "data",
        `Shape [${shape.join(", ")}] needs ${rows * channels} values, got ${data.length}.`,
        {
          code: "argument/mismatch",
        },
      );
    }
    const target = hostArray(dtype, rows * stride);
    for (let row = 0; row < rows; row++) {
      for (let c = 0; c < channels; c++) {
        const value = data[row * channels + c]!;
        target[row * stride + c] = dtype === "f16" ? toHalf(value) : value;
      }
    }
    // writeBuffer needs a multiple of 4 bytes. Rows consist of whole vec4s, so this is always true.
    this.stream.write(tensor.storage, target);
  }

  /**
   * Creates a feature map `[batch, height, width, channels]` from values in torch's order `[batch, channels, height,
   * width]`.
   */
  fromNchw(data: Float32Array, shape: readonly [number, number, number, number], dtype: DType = this.dtype): Tensor {
    const [batch, channels, height, width] = shape;
    return this.from(transposePlanes(data, batch, channels, height * width), [batch, height, width, channels], dtype);
  }

  /** Replaces the values of a feature map; `data` is in torch's order `[batch, channels, height, width]`. */
  uploadNchw(tensor: Tensor, data: Float32Array): void {
    const [batch, height, width, channels] = tensor.shape as [number, number, number, number];
    this.upload(tensor, transposePlanes(data, batch, channels, height * width));
  }

  /** Reads a feature map in torch's order `[batch, channels, height, width]`. */
  async readNchw(tensor: Tensor): Promise<Float32Array> {
    const [batch, height, width, channels] = tensor.shape as [number, number, number, number];
    return transposePlanes(await tensor.read(), batch, height * width, channels);
  }

  /** See `Tensor.read`. */
  async read(tensor: Tensor): Promise<Float32Array> {
    const { rows, channels, stride, dtype, storage } = tensor;
    const bytes = await this.stream.read(storage, rows * stride * bytesPerElement(dtype));
    const source =
      dtype === "f16" ? new Uint16Array(bytes) : dtype === "u32" ? new Uint32Array(bytes) : new Float32Array(bytes);
    const values = new Float32Array(rows * channels);
    for (let row = 0; row < rows; row++) {
      for (let c = 0; c < channels; c++) {
        const value = source[row * stride + c]!;
        values[row * channels + c] = dtype === "f16" ? fromHalf(value) : value;
      }
    }
    return values;
  }

  /**
   * Creates a tensor of this arena on the storage of a tensor of another arena, for example a weight. It belongs to the
   * current scope.
   */
  share({ shape, dtype, storage }: Tensor): Tensor {
    storage.retain();
    return this.adopt(new Tensor(this, shape, dtype, storage));
  }

  /** Adds a tensor to the current scope. */
  adopt(tensor: Tensor): Tensor {
    this.#scopes.at(-1)?.push(tensor);
    return tensor;
  }

  /**
   * With `guards`: throws `InternalError` if anything was written behind a tensor or into its padding since the last
   * check.
   */
  async checkGuards(): Promise<void> {
    for (const { tensor, bytes } of this.#guarded.splice(0)) {
      const { storage, shape, dtype, rows, channels, stride } = tensor;
      const content = await this.stream.read(storage);
      tensor.storage.release();
      const what = `${dtype}[${shape.join(", ")}]`;
      if (new Uint32Array(content, Math.ceil(bytes / 4) * 4).some((word) => word !== GUARD_WORD)) {
        throw new InternalError(`A kernel wrote past the end of ${what}.`);
      }
      const values =
        dtype === "f16" ? new Uint16Array(content, 0, rows * stride) : new Uint32Array(content, 0, rows * stride);
      for (let row = 0; row < rows; row++) {
        for (let c = channels; c < stride; c++) {
          // Minus zero is zero, too.
          const bits = values[row * stride + c]!;
          if (bits !== 0 && bits !== (dtype === "f16" ? 0x8000 : 0x80000000)) {
            throw new InternalError(`Padding of ${what} is not zero in row ${row}.`);
          }
        }
      }
    }
  }
}

function hostArray(dtype: DType, length: number): Float32Array | Uint16Array | Uint32Array {
  if (dtype === "f16") return new Uint16Array(length);
  return dtype === "u32" ? new Uint32Array(length) : new Float32Array(length);
}

/** Swaps the two inner axes of `[batch, a, b]`. */
function transposePlanes(data: Float32Array, batch: number, a: number, b: number): Float32Array {
  const result = new Float32Array(data.length);
  for (let n = 0; n < batch; n++) {
    const base = n * a * b;
    for (let i = 0; i < a; i++) for (let j = 0; j < b; j++) result[base + j * a + i] = data[base + i * b + j]!;
  }
  return result;
}

/** Collects the tensors in a value: a tensor, or an array or plain object with tensors. */
export function tensorsIn(value: unknown, found = new Set<Tensor>()): Set<Tensor> {
  if (value instanceof Tensor) found.add(value);
  else if (Array.isArray(value)) for (const item of value) tensorsIn(item, found);
  else if (isPlainObject(value)) {
    for (const item of Object.values(value)) tensorsIn(item, found);
  }
  return found;
}
