import { foldedGrid } from "../gpu/grid.js";
import { kernels } from "../gpu/kernel-sources.js";
import { padChannels } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkDType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { packedPanels, transposedPanels } from "./panels.js";
import { fixedSpan } from "./parts.js";

const { TEAM, WORKGROUP } = kernels.quantizeWeights.overrides;

interface QuantizeOptions {
  /** Output that the first one of `weight` is in `quantized`; a multiple of 4. Default: 0. */
  readonly firstOutput?: number;
  /** Whether it is the weight of `convTranspose2d`. Default: false. */
  readonly isTransposed?: boolean;
}

/**
 * Quantises some outputs of a weight to int8: each output has the scale |largest weight| / 127, and its weights are the nearest
 * whole multiples of that. `weight` is packed, `[..., in, outputs]` in f32 (transposed: `[4, 4, outputs, in]`), and must not be
 * larger than a binding. `quantized` is packed in int8, and may have more outputs.
 */
export function quantize(
  weight: Tensor,
  quantized: Tensor,
  { firstOutput = 0, isTransposed = false }: QuantizeOptions = {},
): void {
  checkDType("quantize", "weight", weight, "f32");
  checkDType("quantize", "quantized", quantized, "int8");
  const [rows = 1, columns = 1] = weight.shape.slice(-2).map(padChannels);
  const taps = weight.shape.slice(0, -2).reduce((product, size) => product * size, 1);
  // A team quantises what lies together in all rows: a vec4 of outputs, or one output with its inputs.
  const [unit, inner] = isTransposed ? [1, columns / 4] : [4, 1];
  const units = (isTransposed ? rows : columns) / unit;
  const runs = isTransposed ? taps : taps * rows;
  const start = firstOutput / unit;
  const team = weight.arena.stream.adapter.isSoftware ? 1 : TEAM.default;
  for (const { first, vectors, span } of (isTransposed ? transposedPanels : packedPanels)(quantized)) {
    const [panelFirst, panelUnits] = [(4 * first) / unit, (4 * vectors) / unit];
    const from = Math.max(start, panelFirst);
    const count = Math.min(start + units, panelFirst + panelUnits) - from;
    if (count <= 0) continue;
    dispatch(weight.arena.stream, "quantizeWeights", {
      op: "quantize",
      overrides: { TEAM: team },
      space: { samples: 1, lines: 1 },
      operands: { w: weight.storage, quantized: fixedSpan(quantized, span) },
      call: () => ({
        params: {
          units: count,
          runs,
          inner,
          source_units: units,
          first_source: from - start,
          target_units: panelUnits,
          first_target: from - panelFirst,
          is_transposed: Number(isTransposed),
        },
        grid: foldedGrid(Math.ceil((count * team) / WORKGROUP.default)),
      }),
    });
  }
}
