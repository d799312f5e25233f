import { isSourceFormat, packRows, SOURCE_BYTES, sourceOf, type SourceFormat } from "../ops/pack.js";
import { quantize } from "../ops/quantize.js";
import type { Arena } from "../tensor/arena.js";
import { padChannels } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { toFloat32 } from "./dtypes.js";
import { fileSize, isPadded, padRows, partsOf, storedSize, type Axis, type AxisPart, type Heads } from "./head-axis.js";
import type { RowRange, TensorEntry } from "./tensor-entry.js";
import { PIECE_BYTES, type Upload } from "./upload.js";

/** How a weight is changed when it is packed. */
export interface PackOptions {
  /** Returns a factor for each output. It may use tensors without factors of their own. */
  readonly outputScale?: () => Float32Array;
  /**
   * Computes what is stored from a packed weight, whose values need not be exact in f16. It may get some of the outputs at a
   * time.
   */
  readonly prepare?: (weight: Tensor) => Tensor;
  /** Whether it is for `convTranspose2d`: the second axis of the file has the outputs. Default: false. */
  readonly isTransposed?: boolean;
}

/** The weight of a product in a file. */
interface FileWeight extends PackOptions {
  /** Rows `[inputs, ...kernel]` in the file. */
  readonly rows: Axis;
  readonly inputs: number | Heads;
  readonly kernel: readonly number[];
}

/** Rows of a weight, without what they need not contain. */
interface Source {
  /** Where they begin in the packed weight. */
  readonly firstRow: number;
  readonly rows: number;
  readonly content: Uint8Array;
  readonly format: SourceFormat;
}

/** Loads the weight of a product from a file, piece by piece, and packs it to `tensor`. */
export class PackedUpload implements Upload {
  readonly #inputs: number;
  readonly #taps: number;

  /** `arena`: for what is needed meanwhile. */
  constructor(
    private readonly arena: Arena,
    private readonly tensor: Tensor,
    private readonly weight: FileWeight,
  ) {
    this.#inputs = storedSize(weight.inputs);
    this.#taps = weight.kernel.reduce((product, size) => product * size, 1);
  }

  get isDependent(): boolean {
    return this.weight.outputScale !== undefined;
  }

  readonly pieces = (): RowRange[] => this.#parts().map(({ start, size }) => [start, start + size]);

  readonly store = (bytes: Uint8Array<ArrayBuffer>, entry: TensorEntry, piece: number): void => {
    const source = this.#source(bytes, entry, this.#parts()[piece]!);
    this.arena.scope(() => {
      if (this.tensor.dtype !== "int8") this.#pack(source, this.tensor);
      else if (this.weight.isTransposed) this.#quantizeTransposed(source);
      else this.#quantize(source);
    });
  };

  #parts(): readonly AxisPart[] {
    const { rows, isTransposed = false } = this.weight;
    if (this.tensor.dtype !== "int8") return partsOf(rows, PIECE_BYTES / 4 / (this.#inputs * this.#taps));
    // The scale of an output depends on all of its weights, which are in all rows if it is transposed.
    return partsOf(rows, isTransposed ? padChannels(fileSize(rows)) : this.#outputsAtOnce(this.#inputs));
  }

  /** Outputs with so many inputs whose weights in f32 are not larger than a piece or a binding. */
  #outputsAtOnce(inputs: number): number {
    const most = Math.min(PIECE_BYTES, this.arena.stream.maxBindingSize);
    return Math.max(4, most / 4 / (padChannels(inputs) * this.#taps));
  }

  #source(bytes: Uint8Array<ArrayBuffer>, { dtype }: TensorEntry, part: AxisPart): Source {
    const { inputs, outputScale } = this.weight;
    const isAsInFile = !outputScale && part.dimHead === undefined && !isPadded(inputs) && isSourceFormat(dtype);
    let [content, format]: [Uint8Array, SourceFormat] = [bytes, "F32"];
    if (isAsInFile) format = dtype;
    else {
      const values = toFloat32(dtype, bytes);
      if (outputScale) scaleRows(values, outputScale().subarray(part.start, part.start + part.size));
      content = new Uint8Array(padRows(values, part, inputs, this.#taps).buffer);
    }
    const rows = content.byteLength / SOURCE_BYTES[format] / (this.#inputs * this.#taps);
    return { firstRow: part.target, rows, content, format };
  }

  #pack({ content, ...rows }: Source, target: Tensor): void {
    const { isTransposed = false } = this.weight;
    const source = sourceOf(this.arena, content, rows.format);
    packRows(source, target, { ...rows, inputs: this.#inputs, taps: this.#taps, isTransposed });
  }

  #quantize(source: Source): void {
    const { arena, weight } = this;
    const rows = arena.adopt(arena.packed([...weight.kernel, this.#inputs, source.rows], "f32"));
    this.#pack({ ...source, firstRow: 0 }, rows);
    const prepared = weight.prepare ? arena.adopt(weight.prepare(rows)) : rows;
    quantize(prepared, this.tensor, { firstOutput: source.firstRow });
  }

  /** Quantises a whole weight whose second axis has the outputs. */
  #quantizeTransposed({ content, rows, format }: Source): void {
    const { arena, weight } = this;
    const source = sourceOf(arena, content, format);
    for (const { start, size } of partsOf(this.#inputs, this.#outputsAtOnce(rows))) {
      arena.scope(() => {
        const part = arena.adopt(arena.packed([...weight.kernel, size, rows], "f32"));
        const ofPart = { firstRow: 0, rows, firstInput: start, inputs: this.#inputs, taps: this.#taps, format };
        packRows(source, part, { ...ofPart, isTransposed: true });
        quantize(part, this.tensor, { firstOutput: start, isTransposed: true });
      });
    }
  }
}

/** Multiplies each row of `values` by its factor. */
function scaleRows(values: Float32Array, factors: Float32Array): void {
  const length = values.length / factors.length;
  for (let i = 0; i < values.length; i++) values[i]! *= factors[Math.floor(i / length)]!;
}
