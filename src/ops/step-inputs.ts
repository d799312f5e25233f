import { bytesPerElement, type DType } from "../tensor/dtype.js";
import { HeldTensors } from "../tensor/held-tensors.js";
import type { Tensor, TensorArena } from "../tensor/tensor.js";
import { checkAxes, checkDType, sameShape } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { writeTokens } from "./layout.js";
import { operand, perSample, type Part, type Span } from "./parts.js";
import { ShapeError } from "./shape-error.js";

/** Numbers that a kernel reads for the current pass: f32 `[passes, columns]`. */
export interface StepNumbers {
  readonly table: Tensor;
  readonly counter: Tensor;
}

/** Vectors that differ from pass to pass, and which pass reads which of them. */
export interface StepRows {
  /** `[rows, batch, C]`, or `[rows, 1, C]` if all samples share them. */
  readonly rows: Tensor;
  /** u32 `[passes]` */
  readonly rowOfPass: Tensor;
  readonly counter: Tensor;
  /** `rowOfPass` on the host. */
  readonly order: readonly number[];
}

/** LAION's 64-pixel U-Net needs 0.4 MB for a step, guided, in f16. */
const TABLE_BYTES = 16 * 2 ** 20;

/**
 * What changes from pass to pass of a sampling run. Tables with it are uploaded before the first pass, and kernels
 * index them by a counter of passes. Between passes only the 4 bytes of the counter are written. The forward pass of a
 * network uploads nothing, so all passes dispatch the same commands.
 */
export class StepInputs extends HeldTensors {
  readonly #counter: Tensor;
  readonly #listeners: ((pass: number) => void)[] = [];

  /** The caller disposes it. It starts at pass 0. */
  constructor(
    arena: TensorArena,
    /** Evaluations of the network in the run. */
    readonly passes: number,
    /** Tables that are computed (`stepTables`) take at most so many bytes, if one row is not larger. */
    readonly tableBytes = TABLE_BYTES,
  ) {
    super(arena);
    this.#counter = this.hold(() => arena.detached([1], "u32"));
    this.goTo(0);
  }

  /** u32 `[1]`: the current pass. */
  get counter(): Tensor {
    return this.#counter;
  }

  /** Sets the pass of the work that is encoded from now on. */
  goTo(pass: number): void {
    this.arena.stream.write(this.#counter.storage, Uint32Array.of(pass));
    for (const listener of this.#listeners) listener(pass);
  }

  /** Calls `listener` with each later pass, before its work is encoded. */
  beforePass(listener: (pass: number) => void): void {
    this.#listeners.push(listener);
  }

  /** Uploads the numbers of each pass, one row for each pass. */
  numbers(rows: readonly (readonly number[])[]): StepNumbers {
    const columns = rows[0]?.length ?? 0;
    if (rows.length !== this.passes || rows.some((row) => row.length !== columns)) {
      const expected = `${this.passes} rows of ${columns} numbers`;
      throw new ShapeError("StepInputs.numbers", "rows", [rows.length, columns], expected);
    }
    return { table: this.#upload(rows.flat(), [rows.length, columns], "f32"), counter: this.#counter };
  }

  /**
   * Uploads vectors of shape `[rows, batch, C]`, or `[rows, 1, C]` if all samples share them, in row major order. Pass
   * i reads row `rowOfPass[i]`.
   */
  rows(
    values: Float32Array | readonly number[],
    shape: readonly [rows: number, batch: number, channels: number],
    rowOfPass: readonly number[],
    dtype: DType = this.arena.dtype,
  ): StepRows {
    const wrong = rowOfPass.find((row) => !Number.isInteger(row) || row < 0 || row >= shape[0]);
    if (rowOfPass.length !== this.passes || wrong !== undefined) {
      const got = wrong === undefined ? `${rowOfPass.length} indices` : `row ${wrong}`;
      throw new ShapeError("StepInputs.rows", "rowOfPass", got, `${this.passes} indices below ${shape[0]}`);
    }
    return {
      rows: this.#upload(values, shape, dtype),
      rowOfPass: this.#upload(rowOfPass, [this.passes], "u32"),
      counter: this.#counter,
      order: rowOfPass,
    };
  }

  #upload(values: Float32Array | readonly number[], shape: readonly number[], dtype: DType): Tensor {
    const tensor = this.hold(() => this.arena.detached(shape, dtype));
    this.arena.upload(tensor, values);
    return tensor;
  }
}

/**
 * The timestep of each pass: one for all samples, or one for each sample. Timesteps that repeat, as in inpainting, are
 * stored only once.
 */
export type PassTimes = readonly (number | readonly number[])[];

/** Uploads the embeddings of the timesteps of all passes; `embed` returns `width` values for each timestep. */
export function timeRows(
  inputs: StepInputs,
  times: PassTimes,
  width: number,
  embed: (times: readonly number[]) => Float32Array | readonly number[],
  dtype?: DType,
): StepRows {
  const perPass = times.map((time) => (typeof time === "number" ? [time] : time));
  const rows = new Map<string, { readonly index: number; readonly times: readonly number[] }>();
  const rowOfPass = perPass.map((times) => {
    const key = times.join();
    const row = rows.get(key) ?? { index: rows.size, times };
    rows.set(key, row);
    return row.index;
  });
  const values = embed([...rows.values()].flatMap(({ times }) => times));
  return inputs.rows(values, [rows.size, perPass[0]?.length ?? 1, width], rowOfPass, dtype);
}

/** Returns the row of the current pass for each sample of a batch, `[batch, C]`. */
export function stepRow(rows: StepRows, batch: number): Tensor {
  const { arena, dtype, channels } = rows.rows;
  const y = arena.empty([batch, channels], dtype);
  writeRow("stepRow", rows, { batch, target: y, sampleSize: y.stride, start: 0 });
  return y;
}

/** Writes the row of the current pass, tokens `[batch, N · C]`, over those of `target` `[batch, L, C]` from token `start` on. */
export function writeStepTokens(target: Tensor, rows: StepRows, start: number): void {
  checkAxes("writeStepTokens", "target", target, ["B", "L", "C"]);
  const [batch, length, channels] = target.shape as [number, number, number];
  const count = rows.rows.channels / channels;
  if (channels % 4 !== 0 || !Number.isInteger(count) || start + count > length) {
    throw new ShapeError("writeStepTokens", "rows", rows.rows.shape, ["rows", `${batch} or 1`, `N · ${channels}`]);
  }
  checkDType("writeStepTokens", "target", target, rows.rows.dtype);
  if (target.storage.byteLength > target.arena.stream.maxBindingSize) {
    // Of a target that cannot be bound whole, only what is written is bound.
    target.arena.scope(() => {
      writeTokens(target, stepRow(rows, batch).reshape([batch, count, channels]), start);
    });
    return;
  }
  writeRow("writeStepTokens", rows, { batch, target, sampleSize: length * channels, start: start * channels });
}

/** Where a row is written, in elements. */
interface RowTarget {
  readonly batch: number;
  readonly target: Tensor;
  readonly sampleSize: number;
  readonly start: number;
}

function writeRow(
  op: string,
  { rows, rowOfPass, counter }: StepRows,
  { batch, target, sampleSize, start }: RowTarget,
): void {
  const [count, samples, channels] = rows.shape as [number, number, number];
  if (samples !== 1 && samples !== batch) {
    throw new ShapeError(op, "rows", rows.shape, ["rows", `${batch} or 1`, channels]);
  }
  const { arena, dtype, stride } = rows;
  const pairs = (size: number): number => (size * bytesPerElement(dtype)) / 8;
  dispatch(arena.stream, "stepRow", {
    op,
    space: { samples: batch, lines: 1 },
    operands: {
      rows:
        samples === 1 ? rows.storage : operand(rows, (part) => samplesOfRows(part, count, samples * stride, stride)),
      row_of_pass: rowOfPass.storage,
      counter: counter.storage,
      y: perSample(target, sampleSize),
    },
    call: (part) => ({
      params: {
        invocations: pairs(part.samples * stride),
        row_pairs: pairs((samples === 1 ? 1 : part.samples) * stride),
        sample_pairs: pairs(stride),
        target_pairs: pairs(sampleSize),
        target_start: pairs(start),
      },
      grid: invocations(pairs(part.samples * stride)),
    }),
  });
}

/** The samples of a part in each of `count` rows. */
function samplesOfRows({ sample, samples }: Part, count: number, rowSize: number, size: number): readonly Span[] {
  return Array.from({ length: count }, (_, row) => {
    const start = row * rowSize + sample * size;
    return { start, end: start + samples * size };
  });
}

/**
 * Returns numbers as operands of a kernel. Throws `ShapeError` if they do not have `columns` columns.
 */
export function numberOperands(op: string, { table, counter }: StepNumbers, columns: number) {
  const [passes = 0] = table.shape;
  if (!sameShape(table.shape, [passes, columns])) {
    throw new ShapeError(op, "numbers", table.shape, ["passes", columns]);
  }
  return { numbers: table.storage, counter: counter.storage };
}
