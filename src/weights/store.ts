import { uploadMatrix } from "../ops/pack.js";
import type { Arena } from "../tensor/arena.js";
import type { DType, WeightType } from "../tensor/dtype.js";
import type { HostTensor } from "../tensor/host-tensor.js";
import type { Tensor } from "../tensor/tensor.js";
import { toFloat32 } from "./dtypes.js";
import { fileSize, padAxis, storedSize, type Axis, type Heads } from "./head-axis.js";
import { PackedUpload, type PackOptions } from "./packed-upload.js";
import type { TensorSource } from "./tensor-source.js";
import type { Upload } from "./upload.js";

/** A table whose rows are read from the file on demand, such as a token embedding: a prompt needs only a few rows. */
export interface TableReader {
  readonly rows: number;
  readonly dim: number;
  /** Values of the given rows, `[ids.length, dim]`. */
  read(ids: readonly number[], signal?: AbortSignal): Promise<Float32Array>;
}

/** Declarations of weights, which a `WeightStore` then loads. */
export interface WeightDeclarations {
  readonly arena: Arena;
  readonly source: TensorSource;
  /** Declares a tensor of the file. `tensor` is filled with zeros if the file has no matching one. */
  request(name: string, shape: readonly number[], upload: Upload, tensor?: Tensor): void;
  /** Registers a tensor that has memory while the store is loaded: a declared one, or one that `derive` fills. */
  own(tensor: Tensor): Tensor;
  /** Declares names that the model does not use. */
  ignore(matches: (name: string) => boolean): void;
  /** Runs `fill` each time after loading. */
  derive(fill: () => void): void;
}

/** A path in a state dict, such as `downs.0.block1`. A layer declares its tensors here by name. */
export class Weights {
  constructor(
    readonly store: WeightDeclarations,
    /** Empty for the outermost module. */
    readonly path: string,
  ) {}

  get arena(): Arena {
    return this.store.arena;
  }

  /** The submodule `path`. Numbers are indices of torch's lists. */
  at(...path: readonly (string | number)[]): Weights {
    return new Weights(this.store, this.#full(path.join(".")));
  }

  has(name: string): boolean {
    return this.store.source.tensors.has(this.#full(name));
  }

  shapeOf(name: string): readonly number[] | undefined {
    return this.store.source.tensors.get(this.#full(name))?.shape;
  }

  /**
   * Declares the weight of a linear layer, `[out, in]` in the file, packed `[in, out]` for `linear`. Heads on either axis
   * are padded.
   */
  linear(name: string, [outputs, inputs]: readonly [Axis, number | Heads]): Tensor {
    return this.#packed(name, [outputs, inputs], []);
  }

  /** Declares a matrix that is `[in, out]` in the file, as `linear` reads it. */
  matrix(name: string, [inputs, outputs]: readonly [number, number]): Tensor {
    const { arena } = this;
    const tensor = this.store.own(arena.packed([inputs, outputs], this.typeOf(name), this.#full(name)));
    this.store.request(
      this.#full(name),
      [inputs, outputs],
      {
        store: (bytes, { dtype }) => {
          uploadMatrix(toFloat32(dtype, bytes), tensor);
        },
      },
      tensor,
    );
    return tensor;
  }

  /**
   * Declares the weight of a convolution, `[out, in, kh, kw]` in the file, packed `[kh, kw, in, out]` for `conv2d`. Heads
   * among the channels are padded.
   */
  conv(
    name: string,
    [outputs, inputs, height, width]: readonly [Axis, number | Heads, number, number],
    options: PackOptions = {},
  ): Tensor {
    return this.#packed(name, [outputs, inputs], [height, width], options);
  }

  /**
   * Declares a vector `[size]` in f32: a bias or gain. Heads are padded. `fileShape` is its shape in the file if that has
   * axes of size one.
   */
  vector(name: string, size: Axis, fileShape: readonly number[] = [fileSize(size)]): Tensor {
    const { arena } = this;
    const tensor = this.store.own(arena.detached([storedSize(size)], "f32"));
    this.store.request(
      this.#full(name),
      fileShape,
      {
        store: (bytes, { dtype }) => {
          arena.upload(tensor, padAxis(toFloat32(dtype, bytes), size));
        },
      },
      tensor,
    );
    return tensor;
  }

  /** Declares a tensor as it is in the file, row-major. Default dtype: that of the arena. */
  table(
    name: string,
    shape: readonly number[],
    { dtype = this.arena.dtype, fileShape = shape }: { dtype?: DType; fileShape?: readonly number[] } = {},
  ): Tensor {
    const { arena } = this;
    const tensor = this.store.own(arena.detached(shape, dtype, this.#full(name)));
    this.store.request(
      this.#full(name),
      fileShape,
      {
        store: (bytes, entry) => {
          arena.upload(tensor, toFloat32(entry.dtype, bytes));
        },
      },
      tensor,
    );
    return tensor;
  }

  /** Declares a table that stays in the file. Only the requested rows are read. */
  rows(name: string, [rows, dim]: readonly [number, number]): TableReader {
    const { source } = this.store;
    const full = this.#full(name);
    this.store.request(full, [rows, dim], { pieces: () => [], store: () => undefined });
    return {
      rows,
      dim,
      async read(ids, signal) {
        const entry = source.tensors.get(full)!;
        const values = new Float32Array(ids.length * dim);
        const known = new Map<number, Float32Array>();
        for (const [index, id] of ids.entries()) {
          let row = known.get(id);
          if (!row) {
            row = toFloat32(entry.dtype, await entry.read([id, id + 1], signal));
            known.set(id, row);
          }
          values.set(row, index * dim);
        }
        return values;
      },
    };
  }

  /** Declares a small tensor on the host. Zero until loaded. */
  values(name: string, shape: readonly number[]): HostTensor {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    this.store.request(this.#full(name), shape, {
      store: (bytes, { dtype }) => {
        data.set(toFloat32(dtype, bytes));
      },
    });
    return { shape, data };
  }

  /** Declares tensors below this path that the model does not use, by name or by prefix ending in a dot. */
  ignore(...names: readonly string[]): void {
    const full = names.map((name) => this.#full(name));
    this.store.ignore((name) => full.some((one) => name === one || (one.endsWith(".") && name.startsWith(one))));
  }

  /** A tensor that is computed from weights each time after loading. The store owns it; `fill` computes its values. */
  derived(tensor: Tensor, fill: () => void): Tensor {
    this.store.own(tensor);
    this.store.derive(fill);
    return tensor;
  }

  /**
   * Format that the weight of a product is stored in: that of the arena, or f16 where the file has it in f16 and the tuning
   * table of the device wants that. Kernels compute the same from both, and the header of the file tells which.
   */
  typeOf(name: string): WeightType {
    const { arena, store } = this;
    if (arena.weightType === "int8") return "int8";
    const isHalf = store.source.tensors.get(this.#full(name))?.dtype === "F16";
    return isHalf && arena.stream.tuning.keepsHalfWeights ? "f16" : arena.dtype;
  }

  #full(name: string): string {
    return this.path === "" ? name : `${this.path}.${name}`;
  }

  #packed(
    name: string,
    [rows, inputs]: readonly [Axis, number | Heads],
    kernel: readonly number[],
    options: PackOptions = {},
  ): Tensor {
    const { arena, store } = this;
    const full = this.#full(name);
    const { isTransposed = false, prepare } = options;
    const shape = [...kernel, storedSize(inputs), storedSize(rows)];
    const columns = storedSize(isTransposed ? inputs : rows);
    const dtype = this.#typeOf(name, options);
    const tensor = store.own(arena.packed(shape, dtype, full, columns));
    const upload = new PackedUpload(arena, tensor, { rows, inputs, kernel, ...options });
    store.request(full, [fileSize(rows), fileSize(inputs), ...kernel], upload, tensor);
    if (prepare && dtype !== "int8") {
      store.derive(() => {
        using prepared = prepare(tensor);
        arena.stream.copy(prepared.storage, tensor.storage);
      });
    }
    return tensor;
  }

  #typeOf(name: string, { outputScale, prepare }: PackOptions): WeightType {
    const { weightType, dtype } = this.arena;
    if (weightType === "int8") return weightType;
    return outputScale || prepare ? dtype : this.typeOf(name);
  }
}
