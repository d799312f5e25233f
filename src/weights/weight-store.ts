import { InternalError } from "../platform/internal-error.js";
import { bytesTogether } from "../gpu/shared-memory.js";
import { sameShape } from "../ops/check.js";
import type { Arena } from "../tensor/arena.js";
import type { Tensor } from "../tensor/tensor.js";
import { isFloat, toFloat32 } from "./dtypes.js";
import { checkFit, type WeightRequirements, type FitOptions, type Misfits } from "./fit.js";
import { readAhead, type Rows } from "./read-ahead.js";
import { Weights, type WeightDeclarations } from "./store.js";
import type { TensorEntry } from "./tensor-entry.js";
import type { TensorSource } from "./tensor-source.js";
import { PIECE_BYTES, type Upload } from "./upload.js";
import type { Misshapen } from "./weight-error.js";

export interface LoadOptions extends FitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called after each tensor with the bytes read so far and the total. */
  readonly onProgress?: ((loadedBytes: number, totalBytes: number) => void) | undefined;
}

interface Request {
  readonly shape: readonly number[];
  readonly upload: Upload;
  /** The tensor to fill with zeros if the file has no matching one. */
  readonly tensor: Tensor | undefined;
}

/** Some rows of a tensor, and where they go. */
interface Piece extends Rows {
  readonly bytes: number;
  readonly store: (content: Uint8Array<ArrayBuffer>) => void;
  /** Whether it is the last piece of the tensor. */
  readonly isLast: boolean;
}

/** A tensor of the file that was declared. */
interface Wanted {
  readonly entry: TensorEntry;
  readonly upload: Upload;
}

/** The tensors in the order of their file, as a download brings them; those that use others last. */
function inFileOrder(wanted: readonly Wanted[]): Wanted[] {
  const isLast = ({ upload }: Wanted): number => Number(upload.isDependent ?? false);
  return [...wanted].sort((a, b) => isLast(a) - isLast(b) || a.entry.position - b.entry.position);
}

function piecesOf({ entry, upload: { pieces, store } }: Wanted): Piece[] {
  const ranges = pieces?.() ?? [[0, entry.rowCount] as const];
  return ranges.map((rows, index) => ({
    entry,
    rows,
    bytes: (rows[1] - rows[0]) * entry.rowBytes,
    store: (content) => {
      store(content, entry, index);
    },
    isLast: index === ranges.length - 1,
  }));
}

/**
 * The weights of one model, or of a component that is loaded by itself. Constructors of layers declare them; they are
 * checked together against the file's header, then streamed to the GPU one tensor at a time, in the order of the file. The store owns its tensors.
 */
export class WeightStore implements WeightDeclarations, WeightRequirements {
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

  /** True if its tensors are on the GPU. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** GPU memory of its tensors while it is loaded. */
  get gpuBytes(): number {
    return bytesTogether(this.#tensors.map(({ storage }) => storage.byteLength));
  }

  /**
   * Loads all declared tensors. Throws `WeightError` before any data is read if a declared tensor is missing or has another
   * shape, or if the file has tensors that nobody declared or ignored. After a failure, loading can be tried again.
   */
  async load(options: LoadOptions = {}): Promise<void> {
    checkFit([this], options);
    await this.fill(options);
  }

  /** Loads the tensors that fit; missing ones are zero. For callers that checked the file before (`checkFit`). */
  async fill({ signal, onProgress }: Pick<LoadOptions, "signal" | "onProgress"> = {}): Promise<void> {
    const { stream } = this.arena;
    this.reserve();
    try {
      const wanted: Wanted[] = [];
      for (const [name, { shape, upload, tensor }] of this.#requests) {
        const entry = this.source.tensors.get(name);
        if (entry && sameShape(entry.shape, shape)) wanted.push({ entry, upload });
        else if (tensor) stream.clear(tensor.storage);
      }
      await this.#fillPieces(inFileOrder(wanted).flatMap(piecesOf), signal, onProgress);
      for (const derive of this.#derivations) derive();
      await stream.sync();
      this.#isLoaded = true;
    } catch (error) {
      this.unload();
      throw error;
    }
  }

  async #fillPieces(
    pieces: readonly Piece[],
    signal: AbortSignal | undefined,
    onProgress: LoadOptions["onProgress"],
  ): Promise<void> {
    const totalBytes = pieces.reduce((sum, { bytes }) => sum + bytes, 0);
    let loadedBytes = 0;
    let queuedBytes = 0;
    // Waiting limits what is queued: host and staging memory stay near a few pieces. The device works meanwhile.
    let before: Promise<void> | undefined;
    let next = 0;
    for await (const content of readAhead(pieces, PIECE_BYTES, signal)) {
      const piece = pieces[next++]!;
      piece.store(content);
      loadedBytes += piece.bytes;
      queuedBytes += piece.bytes;
      if (queuedBytes >= PIECE_BYTES) {
        await before;
        before = this.arena.stream.sync();
        // It is awaited later. Until then a failure must not end the process as an unhandled rejection.
        before.catch(() => undefined);
        queuedBytes = 0;
      }
      signal?.throwIfAborted();
      if (piece.isLast) onProgress?.(loadedBytes, totalBytes);
    }
    await before;
  }

  /** Names of the declared tensors with infinities or NaN in the file. Reads all of them in small parts. */
  async notFinite(signal?: AbortSignal): Promise<string[]> {
    const found: string[] = [];
    for (const [name, { shape }] of this.#requests) {
      const entry = this.source.tensors.get(name);
      if (!entry || !sameShape(entry.shape, shape) || !isFloat(entry.dtype)) continue;
      for await (const { bytes } of entry.readChunks(PIECE_BYTES, signal)) {
        if (toFloat32(entry.dtype, bytes).every(Number.isFinite)) continue;
        found.push(name);
        break;
      }
    }
    return found;
  }

  /**
   * Returns the GPU memory to the pool. The declarations stay, so `load` can load the tensors again; values on the host stay
   * too.
   */
  unload(): void {
    this.#isLoaded = false;
    for (const { storage } of this.#tensors) storage.offload();
  }

  /** Allocates the GPU memory of the weights without reading them. */
  reserve(): void {
    for (const { storage } of this.#tensors) storage.offload();
    this.arena.stream.allocateTogether(this.#tensors.map(({ storage }) => storage));
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

  /** Registers a tensor that has memory while the store is loaded: a declared one, or one that `derive` fills. */
  own(tensor: Tensor): Tensor {
    this.arena.stream.share(tensor.storage);
    tensor.storage.offload();
    this.#tensors.push(tensor);
    return tensor;
  }

  ignore(matches: (name: string) => boolean): void {
    this.#ignored.push(matches);
  }

  derive(fill: () => void): void {
    this.#derivations.push(fill);
  }

  /** Declared tensors that are missing in the file or have another shape. */
  misfits(): Misfits {
    const missing: string[] = [];
    const misshapen: Misshapen[] = [];
    for (const [name, { shape }] of this.#requests) {
      const entry = this.source.tensors.get(name);
      if (!entry) missing.push(name);
      else if (!sameShape(entry.shape, shape)) misshapen.push({ name, got: entry.shape, expected: shape });
    }
    return { missing, misshapen };
  }

  /** True if a tensor of the file was declared or ignored. */
  knows(name: string): boolean {
    return this.#requests.has(name) || this.#ignored.some((matches) => matches(name));
  }
}
