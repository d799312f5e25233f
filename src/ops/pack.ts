import { foldedGrid } from "../gpu/grid.js";
import { padChannels } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";

/** Invocations per workgroup of kernels that walk over vec4s. */
const WORKGROUP = 64;

export interface PackedRows {
  /** First row of the torch weight that `source` holds; a multiple of 4. */
  readonly firstRow: number;
  readonly rows: number;
  readonly inputs: number;
  /** Kernel height times width; 1 for a linear layer. */
  readonly taps: number;
}

/**
 * Writes rows of a torch weight `[out, in, kh, kw]` (`source`: f32, without padding) into `packed`, a tensor
 * `[kh·kw, in, out]` whose `in` axis is padded like its last one: the layout that `linear` and `conv2d` read.
 */
export function packRows(source: Tensor, packed: Tensor, { firstRow, rows, inputs, taps }: PackedRows): void {
  const { stream } = packed.arena;
  const paddedInputs = padChannels(inputs);
  const vectors = taps * paddedInputs * Math.ceil(rows / 4);
  stream.dispatch("packWeights", {
    types: { Element: packed.dtype === "f16" ? "f16" : "f32" },
    overrides: { WORKGROUP },
    bindings: { source: source.storage, packed: packed.storage },
    params: {
      first_row: firstRow,
      rows,
      inputs,
      taps,
      padded_inputs: paddedInputs,
      out_vectors: packed.stride / 4,
    },
    grid: foldedGrid(Math.ceil(vectors / WORKGROUP)),
  });
}
