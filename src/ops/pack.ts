import { padChannels } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { floatType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { packedPanels, transposedPanels, type Panel } from "./panels.js";
import { fixedSpan, operand, type Span } from "./parts.js";

export interface PackedRows {
  /** Row of the torch weight that `source` begins with; a multiple of 4. */
  readonly firstRow: number;
  readonly rows: number;
  readonly inputs: number;
  /** Kernel height times width; 1 for a linear layer. */
  readonly taps: number;
  /** Whether it is the weight of `convTranspose2d`, whose outputs are the second axis. Default: false. */
  readonly isTransposed?: boolean;
}

/**
 * Packs rows of a torch weight `[out, in, kh, kw]` in the layout that `linear` and `conv2d` read. `source` is f32
 * without padding; if `packed` is f16, its values must be exact in f16. `packed` is `[kh·kw, in, out]`, with the `in` axis
 * padded like the last one.
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
  pack(source, packed, span, rows, {
    firstSource: 0,
    firstRow: rows.firstRow,
    rows: rows.rows,
    firstInput: 4 * first,
    inputs: Math.min(rows.inputs - 4 * first, 4 * vectors),
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

function pack(source: Tensor, packed: Tensor, span: Span, { inputs: rowInputs, taps }: PackedRows, block: Block): void {
  const { firstSource, firstRow, rows, firstInput, inputs, outVectors } = block;
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
      },
      grid: invocations(taps * paddedInputs * rowVectors(lines, line)),
    }),
  });
}

/** Fills a packed weight with the values of a matrix `[in, out]`. */
export function uploadMatrix(values: Float32Array, packed: Tensor): void {
  const { arena, dtype, storage } = packed;
  const stored = packMatrix(values, packed);
  arena.upload(new Tensor(arena, [stored.length], dtype, storage), stored);
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
