import type { WinogradForm } from "../../gpu/tuning.js";
import { padChannels } from "../../tensor/dtype.js";
import type { Tensor } from "../../tensor/tensor.js";
import { dispatch } from "../dispatch.js";
import { invocations } from "../grid.js";
import { packedPanels } from "../panels.js";
import { fixedSpan } from "../parts.js";

/** Height and width of the kernel. */
const SIZE = 3;

/**
 * Transforms the weight of a 3×3 convolution for `winogradConv2d`. `weight` is `[3, 3, in, rows]` in f32: output channels from
 * `firstRow`, a multiple of 4. `filters` is `[points, in, out]` in f32. The adapter must be able to bind `weight`.
 */
export function transformFilters(weight: Tensor, filters: Tensor, form: WinogradForm, firstRow = 0): void {
  const [, , inputs = 0] = weight.shape;
  const [start, end] = [firstRow / 4, firstRow / 4 + weight.stride / 4];
  for (const { first, vectors, span } of packedPanels(filters)) {
    const [from, to] = [Math.max(start, first), Math.min(end, first + vectors)];
    if (to <= from) continue;
    const count = padChannels(inputs) * (to - from);
    dispatch(weight.arena.stream, "winogradFilters", {
      op: "transformFilters",
      choices: { winograd: form },
      space: { samples: 1, lines: 1 },
      operands: { w: weight.storage, filters: fixedSpan(filters, span) },
      call: () => ({
        params: {
          invocations: count,
          inputs: padChannels(inputs),
          row_vectors: weight.stride / 4,
          filter_vectors: vectors,
          vectors: to - from,
          first_source: from - start,
          first_vector: from - first,
          kernel_height: SIZE,
          kernel_width: SIZE,
          points: Math.sqrt(filters.shape[0]!),
        },
        grid: invocations(count),
      }),
    });
  }
}
