import type { WinogradForm } from "../../gpu/tuning.js";
import { padChannels } from "../../tensor/dtype.js";
import type { Tensor } from "../../tensor/tensor.js";
import { dispatch } from "../dispatch.js";
import { invocations } from "../grid.js";
import { packedPanels, type Panel } from "../panels.js";
import { fixedSpan } from "../parts.js";

/** Height and width of the kernel. */
const SIZE = 3;

/**
 * Transforms the weight of a 3×3 convolution, `[3, 3, in, out]` in f32 or f16, for `winogradConv2d`: to `filters`, `[points, in,
 * out]` in f32.
 */
export function transformFilters(weight: Tensor, filters: Tensor, form: WinogradForm): void {
  for (const source of packedPanels(weight)) {
    for (const target of packedPanels(filters)) transformPanel({ weight, filters, form }, source, target);
  }
}

interface Transform {
  readonly weight: Tensor;
  readonly filters: Tensor;
  readonly form: WinogradForm;
}

/** Transforms the output channels that a panel of the weight and one of the filters share. */
function transformPanel({ weight, filters, form }: Transform, source: Panel, target: Panel): void {
  const from = Math.max(source.first, target.first);
  const to = Math.min(source.first + source.vectors, target.first + target.vectors);
  if (to <= from) return;
  const inputs = padChannels(weight.shape[2]!);
  const count = inputs * (to - from);
  dispatch(weight.arena.stream, "winogradFilters", {
    op: "transformFilters",
    choices: { winograd: form, weights: weight.dtype === "f16" ? "f16" : "f32" },
    space: { samples: 1, lines: 1 },
    operands: { w: fixedSpan(weight, source.span), filters: fixedSpan(filters, target.span) },
    call: () => ({
      params: {
        invocations: count,
        inputs,
        row_vectors: source.vectors,
        filter_vectors: target.vectors,
        vectors: to - from,
        first_source: from - source.first,
        first_vector: from - target.first,
        kernel_height: SIZE,
        kernel_width: SIZE,
        points: Math.sqrt(filters.shape[0]!),
      },
      grid: invocations(count),
    }),
  });
}
