import { padChannels } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { floatType } from "./check.js";
import { invocations } from "./grid.js";

export interface PackedRows {
  /** Row of the torch weight that `source` begins with; a multiple of 4. */
  readonly firstRow: number;
  readonly rows: number;
  readonly inputs: number;
  /** Kernel height times width; 1 for a linear layer. */
  readonly taps: number;
}

/**
 * Packs rows of a torch weight `[out, in, kh, kw]` in the layout that `linear` and `conv2d` read. `source` is f32
 * without padding. `packed` is `[kh·kw, in, out]`, with the `in` axis padded like the last one.
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
