import { InternalError } from "../platform/internal-error.js";
import { sizeClass } from "../gpu/pool.js";
import { packRows } from "../ops/pack.js";
import type { Arena } from "../tensor/arena.js";
import { padChannels, type DType } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { float32ToF16, isFloat, toFloat32 } from "./dtypes.js";
import { fileSize, padAxis, padRows, partsOf, storedSize, type Axis, type Heads } from "./head-axis.js";
import type { TensorEntry } from "./tensor-entry.js";
import { describeProblems, WeightError, type Misshapen, type WeightProblems } from "./weight-error.js";

/** What a store reads: the state dict of a checkpoint. */
export interface TensorSource {
  /** The file's name, for messages. */
  readonly name: string;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** Rows of a table that stays in the file, such as a token embedding of which a prompt needs a few rows. */
export interface TableReader {
  readonly rows: number;
  readonly dim: number;
  /** Values of the given rows, `[ids.length, dim]`. */
  read(ids: readonly number[], signal?: AbortSignal): Promise<Float32Array>;
}

/** A small tensor on the host; `data` is there after `load`. */
export interface HostValues {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface LoadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called after each tensor with the bytes read so far and in all. */
  readonly onProgress?: ((loadedBytes: number, totalBytes: number) => void) | undefined;
  /** With false, tensors that do not fit are reported to `onWarning` and left at zero. Default true: a `WeightError`. */
  readonly strict?: boolean | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

type Upload = (entry: TensorEntry, signal: AbortSignal | undefined) => Promise<void>;

interface Request {
  readonly shape: readonly number[];
  readonly upload: Upload;
  /** What is cleared where the file has nothing that fits. */
  readonly tensor: Tensor | undefined;
}

// Fits every binding limit, and a few copies of it on the host (as read, as f32, rounded, staged) stay small.
const STAGING_BYTES = 2 ** 23;

/**
 * The weights of one model, or of a part that is loaded by itself: declared by the layers' constructors, checked against
 * the file's header as a whole, then streamed to the GPU one tensor at a time. Owns its tensors.
 */
export class WeightStore {
  readonly root: Weights;
  readonly #requests = new Map<string, Request>();
  readonly #tensors: Tensor[] = [];
  readonly #derivations: (() => void)[] = [];
  readonly #ignored: ((name: string) => boolean)[] = [];
  #isLoaded = false;

  constructor(
    readonly arena: Arena,
    readonly source: TensorSource,
  ) {
    this.root = new Weights(this, "");
  }

  /** Whether its tensors are on the GPU. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** GPU memory that its tensors take while it is loaded. */
  get gpuBytes(): number {
    return this.#tensors.reduce((sum, { storage }) => sum + sizeClass(storage.byteLength), 0);
  }

  /**
   * Reads everything that was declared. Throws `WeightError` before any payload is read if a declared tensor is missing
   * or has another shape, or if the file holds tensors that nobody declared or ignored. What failed can be loaded again.
   */
  async load(options: LoadOptions = {}): Promise<void> {
    new WeightSet([this]).check(options);
    await this.fill(options);
  }

  /** As `load`, of what fits; what the file lacks is zero. For who has checked the file before (`WeightSet.check`). */
  async fill({ signal, onProgress }: Pick<LoadOptions, "signal" | "onProgress"> = {}): Promise<void> {
    const plan: { entry: TensorEntry; upload: Upload }[] = [];
    for (const { storage } of this.#tensors) storage.admit();
    try {
      for (const [name, { shape, upload, tensor }] of this.#requests) {
        const entry = this.source.tensors.get(name);
        if (entry && sameShape(entry.shape, shape)) plan.push({ entry, upload });
        else if (tensor) this.arena.gpu.clear(tensor.storage);
      }
      const totalBytes = plan.reduce((sum, { entry }) => sum + entry.byteLength, 0);
      let loadedBytes = 0;
      for (const { entry, upload } of plan) {
        signal?.throwIfAborted();
        await upload(entry, signal);
        loadedBytes += entry.byteLength;
        onProgress?.(loadedBytes, totalBytes);
      }
      for (const derive of this.#derivations) derive();
      await this.arena.gpu.sync();
      this.#isLoaded = true;
    } catch (error) {
      this.unload();
      throw error;
    }
  }

  /** Names of the declared tensors in whose file there are infinities or NaN. Reads all of them, piece by piece. */
  async notFinite(signal?: AbortSignal): Promise<string[]> {
    const found: string[] = [];
    for (const [name, { shape }] of this.#requests) {
      const entry = this.source.tensors.get(name);
      if (!entry || !sameShape(entry.shape, shape) || !isFloat(entry.dtype)) continue;
      for await (const { bytes } of entry.readChunks(STAGING_BYTES, signal)) {
        if (toFloat32(entry.dtype, bytes).every(Number.isFinite)) continue;
        found.push(name);
        break;
      }
    }
    return found;
  }

  /** Returns the GPU memory to the pool. What was declared stays, and `load` brings it back; values on the host stay too. */
  unload(): void {
    this.#isLoaded = false;
    for (const { storage } of this.#tensors) storage.evict();
  }

  /** Takes the GPU memory of the weights without reading them, to count it. */
  reserve(): void {
    for (const { storage } of this.#tensors) {
      storage.admit();
      storage.allocate();
    }
  }

  dispose(): void {
    this.#isLoaded = false;
    for (const tensor of this.#tensors.splice(0)) tensor.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Declares a tensor; see `Weights`. */
  request(name: string, shape: readonly number[], upload: Upload, tensor?: Tensor): void {
    if (this.#requests.has(name)) throw new InternalError(`Tensor ${name} is declared twice.`);
    this.#requests.set(name, { shape, upload, tensor });
  }

  /** Takes a tensor that has memory while the store is loaded: a declared one, or one that `derive` fills. */
  own(tensor: Tensor): Tensor {
    tensor.storage.evict();
    this.#tensors.push(tensor);
    return tensor;
  }

  ignore(matches: (name: string) => boolean): void {
    this.#ignored.push(matches);
  }

  derive(fill: () => void): void {
    this.#derivations.push(fill);
  }

  /** Declared tensors that the file lacks, or has in another shape. */
  misfits(): Pick<WeightProblems, "missing" | "misshapen"> {
    const missing: string[] = [];
    const misshapen: Misshapen[] = [];
    for (const [name, { shape }] of this.#requests) {
      const entry = this.source.tensors.get(name);
      if (!entry) missing.push(name);
      else if (!sameShape(entry.shape, shape)) misshapen.push({ name, got: entry.shape, expected: shape });
    }
    return { missing, misshapen };
  }

  /** Whether a tensor of the file was declared or ignored. */
  knows(name: string): boolean {
    return this.#requests.has(name) || this.#ignored.some((matches) => matches(name));
  }
}

/** Stores that share a file, each of which may be loaded by itself. What does not fit is known of all together. */
export class WeightSet {
  constructor(readonly stores: readonly [WeightStore, ...WeightStore[]]) {}

  /** What does not fit between the file and the stores; unused is what none of them knows. Reads nothing. */
  problems(): WeightProblems | undefined {
    const { stores } = this;
    const misfits = stores.map((store) => store.misfits());
    const missing = misfits.flatMap((one) => one.missing);
    const misshapen = misfits.flatMap((one) => one.misshapen);
    const names = [...stores[0].source.tensors.keys()];
    const unused = names.filter((name) => !stores.some((store) => store.knows(name)));
    if (missing.length + unused.length + misshapen.length === 0) return undefined;
    return { missing, unused, misshapen };
  }

  /**
   * Throws `WeightError` where a declared tensor is missing or has another shape, or where the file holds tensors that
   * nobody declared or ignored; with `strict` false they are reported to `onWarning`.
   */
  check({ strict = true, onWarning }: Pick<LoadOptions, "strict" | "onWarning"> = {}): void {
    const problems = this.problems();
    if (!problems) return;
    const { name } = this.stores[0].source;
    if (strict) throw new WeightError(name, problems);
    onWarning?.(`${name}: ${describeProblems(problems)}`);
  }

  /** Checks, then loads all. */
  async load(options: LoadOptions = {}): Promise<void> {
    this.check(options);
    for (const store of this.stores) await store.fill(options);
  }

  dispose(): void {
    for (const store of this.stores) store.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A place in a state dict, as `downs.0.block1`, from which a layer takes its tensors by name. */
export class Weights {
  constructor(
    readonly store: WeightStore,
    /** Empty for the outermost place. */
    readonly path: string,
  ) {}

  get arena(): Arena {
    return this.store.arena;
  }

  /** The place `path` below this one; numbers index torch's lists. */
  at(...path: readonly (string | number)[]): Weights {
    return new Weights(this.store, this.#full(path.join(".")));
  }

  has(name: string): boolean {
    return this.store.source.tensors.has(this.#full(name));
  }

  shapeOf(name: string): readonly number[] | undefined {
    return this.store.source.tensors.get(this.#full(name))?.shape;
  }

  /** Weight of a linear layer, `[out, in]` in the file, packed `[in, out]` for `linear`; heads on either axis get padding. */
  linear(name: string, [outputs, inputs]: readonly [Axis, number | Heads]): Tensor {
    return this.#packed(name, [outputs, inputs], []);
  }

  /** A matrix that lies in the file as `linear` reads it, `[in, out]`. */
  matrix(name: string, [inputs, outputs]: readonly [number, number]): Tensor {
    const { arena } = this;
    const tensor = this.store.own(arena.packed([inputs, outputs], arena.dtype, this.#full(name)));
    const rows = padChannels(inputs);
    this.store.request(
      this.#full(name),
      [inputs, outputs],
      async (entry, signal) => {
        const values = new Float32Array(rows * outputs);
        values.set(toFloat32(entry.dtype, await entry.read(undefined, signal)));
        arena.upload(new Tensor(arena, [rows, outputs], tensor.dtype, tensor.storage), values);
      },
      tensor,
    );
    return tensor;
  }

  /**
   * Weight of a convolution, `[out, in, kh, kw]` in the file, packed `[kh, kw, in, out]` for `conv2d`; heads among the
   * channels get padding. `outputScale` gives a factor for each output, for which it may use what was declared before.
   */
  conv(
    name: string,
    [outputs, inputs, height, width]: readonly [Axis, number | Heads, number, number],
    { outputScale }: { readonly outputScale?: () => Float32Array } = {},
  ): Tensor {
    return this.#packed(name, [outputs, inputs], [height, width], outputScale);
  }

  /** A vector `[size]` in f32: a bias or gain; heads get padding. `fileShape` where the file gives it axes of size one. */
  vector(name: string, size: Axis, fileShape: readonly number[] = [fileSize(size)]): Tensor {
    const { arena } = this;
    const tensor = this.store.own(arena.detached([storedSize(size)], "f32"));
    this.store.request(
      this.#full(name),
      fileShape,
      async (entry, signal) => {
        const values = toFloat32(entry.dtype, await entry.read(undefined, signal));
        arena.upload(tensor, padAxis(values, size));
      },
      tensor,
    );
    return tensor;
  }

  /** A tensor as it is in the file, row major. Default type: that of the arena. */
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
      async (entry, signal) => {
        const values = toFloat32(entry.dtype, await entry.read(undefined, signal));
        arena.upload(tensor, values);
      },
      tensor,
    );
    return tensor;
  }

  /** A table that stays in the file; only the rows asked for are read. */
  rows(name: string, [rows, dim]: readonly [number, number]): TableReader {
    const { source } = this.store;
    const full = this.#full(name);
    this.store.request(full, [rows, dim], () => Promise.resolve());
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

  /** A small tensor on the host. Zero until loaded. */
  values(name: string, shape: readonly number[]): HostValues {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    this.store.request(this.#full(name), shape, async (entry, signal) => {
      data.set(toFloat32(entry.dtype, await entry.read(undefined, signal)));
    });
    return { shape, data };
  }

  /** Tensors below this place that the model does not use, by name or prefix ending in a dot. */
  ignore(...names: readonly string[]): void {
    const full = names.map((name) => this.#full(name));
    this.store.ignore((name) => full.some((one) => name === one || (one.endsWith(".") && name.startsWith(one))));
  }

  /** A tensor that is computed from weights each time they have been loaded. The store owns it; `fill` gives it content. */
  derived(tensor: Tensor, fill: () => void): Tensor {
    this.store.own(tensor);
    this.store.derive(fill);
    return tensor;
  }

  /** Runs each time after everything was loaded, to change a declared tensor. */
  derive(fill: () => void): void {
    this.store.derive(fill);
  }

  #full(name: string): string {
    return this.path === "" ? name : `${this.path}.${name}`;
  }

  #packed(
    name: string,
    [outputs, inputs]: readonly [Axis, number | Heads],
    kernel: readonly number[],
    outputScale?: () => Float32Array,
  ): Tensor {
    const { arena } = this;
    const shape = [...kernel, storedSize(inputs), storedSize(outputs)];
    const tensor = this.store.own(arena.packed(shape, arena.dtype, this.#full(name)));
    const taps = kernel.reduce((product, size) => product * size, 1);
    this.store.request(
      this.#full(name),
      [fileSize(outputs), fileSize(inputs), ...kernel],
      async (entry, signal) => {
        const rowLength = storedSize(inputs) * taps;
        const scale = outputScale?.();
        for (const part of partsOf(outputs, STAGING_BYTES / 4 / rowLength)) {
          const rows: [number, number] = [part.start, part.start + part.size];
          const loaded = toFloat32(entry.dtype, await entry.read(rows, signal));
          if (scale) scaleRows(loaded, scale.subarray(...rows));
          const values = roundedTo(tensor.dtype, padRows(loaded, part, inputs, taps));
          arena.scope(() => {
            const staged = arena.from(padToVectors(values), [padChannels(values.length)], "f32");
            const source = { firstRow: part.target, rows: values.length / rowLength };
            packRows(staged, tensor, { ...source, inputs: storedSize(inputs), taps });
          });
          // Waiting bounds what the queue holds: host and staging memory stay near one chunk.
          await arena.gpu.sync();
        }
      },
      tensor,
    );
    return tensor;
  }
}

/** Multiplies each of the rows that `values` consists of by its factor. */
function scaleRows(values: Float32Array, factors: Float32Array): void {
  const length = values.length / factors.length;
  for (let i = 0; i < values.length; i++) values[i]! *= factors[Math.floor(i / length)]!;
}

/** Rounds on the host, to nearest even, so that weights do not depend on how a GPU converts to f16. */
function roundedTo(dtype: DType, values: Float32Array): Float32Array {
  return dtype === "f16" ? toFloat32("F16", new Uint8Array(float32ToF16(values).buffer)) : values;
}

function padToVectors(values: Float32Array): Float32Array {
  if (values.length % 4 === 0) return values;
  const padded = new Float32Array(padChannels(values.length));
  padded.set(values);
  return padded;
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
