import { padChannels } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { floatType } from "./check.js";
import { invocations } from "./grid.js";

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
    types: { Element: floatType("packRows", "packed", packed) },
    bindings: { source: source.storage, packed: packed.storage },
    params: {
      invocations: vectors,
      first_row: firstRow,
      rows,
      inputs,
      taps,
      padded_inputs: paddedInputs,
      out_vectors: packed.stride / 4,
    },
    grid: invocations(vectors),
  });
}
