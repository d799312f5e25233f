import type { Arena } from "../tensor/arena.js";
import { padChannels } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { floatType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { packedPanels, transposedPanels, type Panel } from "./panels.js";
import { fixedSpan, operand, type Span } from "./parts.js";
import { quantize } from "./quantize.js";

/** Formats of weights in files that are unpacked on the GPU, by the numbers that `pack_weights.wgsl` gives them. */
const FORMATS = { F32: 0, F16: 1, BF16: 2 } as const;

/** A format of weights that `packRows` reads. */
export type SourceFormat = keyof typeof FORMATS;

/** Bytes of an element. */
export const SOURCE_BYTES: Readonly<Record<SourceFormat, number>> = { F32: 4, F16: 2, BF16: 2 };

export function isSourceFormat(dtype: string): dtype is SourceFormat {
  return Object.hasOwn(FORMATS, dtype);
}

/** A tensor with bytes as they are in a file, which `packRows` reads. It belongs to the current scope. */
export function sourceOf(arena: Arena, bytes: Uint8Array, format: SourceFormat): Tensor {
  const elementBytes = SOURCE_BYTES[format];
  const padded = padBytes(bytes, 4 * elementBytes);
  const source = arena.empty([padded.byteLength / elementBytes], elementBytes === 4 ? "f32" : "f16");
  arena.stream.write(source.storage, padded);
  return source;
}

/** Adds zeros up to a multiple of `quantum` bytes. */
function padBytes(bytes: Uint8Array, quantum: number): Uint8Array {
  if (bytes.byteLength % quantum === 0) return bytes;
  const padded = new Uint8Array(Math.ceil(bytes.byteLength / quantum) * quantum);
  padded.set(bytes);
  return padded;
}

export interface PackedRows {
  /** Row of the torch weight that `source` begins with; a multiple of 4. */
  readonly firstRow: number;
  readonly rows: number;
  readonly inputs: number;
  /** Kernel height times width; 1 for a linear layer. */
  readonly taps: number;
  /** Format of the source. Default: F32. */
  readonly format?: SourceFormat;
  /** Whether it is the weight of `convTranspose2d`, whose outputs are the second axis. Default: false. */
  readonly isTransposed?: boolean;
  /** With `isTransposed`: the first of `inputs` to pack. `packed` says how many. Default: 0. */
  readonly firstInput?: number;
}

/**
 * Packs rows of a torch weight `[out, in, kh, kw]` in the layout that `linear` and `conv2d` read. `source` has no padding. If
 * `packed` is f16, values are rounded to nearest even. `packed` is `[kh·kw, in, out]`, with the `in` axis padded like the last
 * one.
 */
export function packRows(source: Tensor, packed: Tensor, rows: PackedRows): void {
  if (rows.isTransposed) {
    for (const panel of transposedPanels(packed)) packInputs(source, packed, rows, panel);
  } else {
    for (const panel of packedPanels(packed)) packOutputs(source, packed, rows, panel);
  }
}

/** Packs the rows that are columns of a panel. */
function packOutputs(source: Tensor, packed: Tensor, rows: PackedRows, { first, vectors, span }: Panel): void {
  const from = Math.max(rows.firstRow, 4 * first);
  const to = Math.min(rows.firstRow + rows.rows, 4 * (first + vectors));
  if (to <= from) return;
  const { inputs } = rows;
  pack(source, packed, span, rows, {
    firstSource: from - rows.firstRow,
    firstRow: from - 4 * first,
    rows: to - from,
    firstInput: 0,
    inputs,
    outVectors: vectors,
  });
}

/** Packs the input channels of a panel, which are the outputs of a transposed convolution. */
function packInputs(source: Tensor, packed: Tensor, rows: PackedRows, { first, vectors, span }: Panel): void {
  const firstInput = (rows.firstInput ?? 0) + 4 * first;
  pack(source, packed, span, rows, {
    firstSource: 0,
    firstRow: rows.firstRow,
    rows: rows.rows,
    firstInput,
    inputs: Math.min(rows.inputs - firstInput, 4 * vectors),
    outVectors: packed.stride / 4,
  });
}

/** Rows and input channels to pack. */
interface Block {
  /** First row in the source. */
  readonly firstSource: number;
  /** First row in what is bound of the packed weight. */
  readonly firstRow: number;
  readonly rows: number;
  readonly firstInput: number;
  readonly inputs: number;
  /** vec4s in a row of the packed weight. */
  readonly outVectors: number;
}

function pack(source: Tensor, packed: Tensor, span: Span, weight: PackedRows, block: Block): void {
  const { firstSource, firstRow, rows, firstInput, inputs, outVectors } = block;
  const { inputs: rowInputs, taps, format = "F32" } = weight;
  const [input, row] = [taps, taps * rowInputs];
  const paddedInputs = padChannels(inputs);
  const rowVectors = (lines: number, line: number): number => Math.ceil(Math.min(4 * lines, rows - 4 * line) / 4);
  dispatch(packed.arena.stream, "packWeights", {
    op: "packRows",
    choices: { weights: floatType("packRows", "packed", packed) },
    // Four rows each.
    space: { samples: 1, lines: Math.ceil(rows / 4) },
    operands: {
      source: operand(source, ({ line, lines }) => {
        const last = Math.min(4 * (line + lines), rows) - 1;
        return [
          {
            start: (firstSource + 4 * line) * row + firstInput * input,
            end: (firstSource + last) * row + (firstInput + inputs) * input,
          },
        ];
      }),
      packed: fixedSpan(packed, span),
    },
    call: ({ line, lines }) => ({
      params: {
        invocations: taps * paddedInputs * rowVectors(lines, line),
        first_row: firstRow + 4 * line,
        rows: Math.min(4 * lines, rows - 4 * line),
        row_inputs: rowInputs,
        inputs,
        taps,
        padded_inputs: paddedInputs,
        out_vectors: outVectors,
        format: FORMATS[format],
        rounds: Number(packed.dtype === "f16" && format !== "F16"),
      },
      grid: invocations(taps * paddedInputs * rowVectors(lines, line)),
    }),
  });
}

/** Fills a packed weight with the values of a matrix `[in, out]`. */
export function uploadMatrix(values: Float32Array, packed: Tensor): void {
  const { arena, dtype, storage } = packed;
  if (dtype === "int8") {
    quantizeMatrix(values, packed);
    return;
  }
  const stored = packMatrix(values, packed);
  arena.upload(new Tensor(arena, [stored.length], dtype, storage), stored);
}

/** Quantises some outputs at a time, since all of them in f32 may be larger than a binding. */
function quantizeMatrix(values: Float32Array, packed: Tensor): void {
  const { arena, shape } = packed;
  const [inputs, outputs] = shape as [number, number];
  const atOnce = Math.max(4, padChannels(arena.stream.maxBindingSize / 4 / padChannels(inputs) - 3));
  for (let firstOutput = 0; firstOutput < outputs; firstOutput += atOnce) {
    const count = Math.min(atOnce, outputs - firstOutput);
    const part = Float32Array.from(
      { length: inputs * count },
      (_, at) => values[Math.floor(at / count) * outputs + firstOutput + (at % count)]!,
    );
    arena.scope(() => {
      const weight = arena.adopt(arena.packed([inputs, count], "f32"));
      uploadMatrix(part, weight);
      quantize(weight, packed, { firstOutput });
    });
  }
}

/** Returns the values of a matrix as the packed weight stores them, with padding. */
function packMatrix(values: Float32Array, packed: Tensor): Float32Array {
  const [inputs, outputs] = packed.shape as [number, number];
  const paddedInputs = padChannels(inputs);
  const result = new Float32Array(paddedInputs * packed.stride);
  for (const { first, vectors, span } of packedPanels(packed)) {
    for (let input = 0; input < inputs; input++) {
      const row = values.subarray(input * outputs, (input + 1) * outputs);
      result.set(row.subarray(4 * first, 4 * (first + vectors)), span.start + input * 4 * vectors);
    }
  }
  return result;
}
