import { foldedGrid, type Grid } from "../gpu/grid.js";
import { kernels, libs } from "../gpu/kernel-sources.js";
import { padChannels } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkAxes, checkDType, checkF32, checkShape, floatType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { packedPanels } from "./panels.js";
import { fixedSpan, perLine } from "./parts.js";

/** Overrides of kernels with a team for each row (kernels/lib/reduce.wgsl). */
const { overrides: TEAMS } = kernels.layerNorm;

/** Returns how many invocations share a row: on a GPU as many as have work, on software adapters one. */
function teamSize(x: Tensor): number {
  if (x.arena.stream.adapter.isSoftware) return 1;
  return Math.min(TEAMS.TEAM.default, 2 ** Math.ceil(Math.log2(x.stride / 4)));
}

/** Returns the grid of a kernel with one team for each of `rows` rows of x. */
function rowGrid(x: Tensor, rows: number): Grid {
  return foldedGrid(Math.ceil((rows * teamSize(x)) / TEAMS.WORKGROUP.default));
}

export interface LayerNormOptions {
  /** `[channels]`, f32. */
  readonly weight?: Tensor | undefined;
  /** `[channels]`, f32. */
  readonly bias?: Tensor | undefined;
  /** Default 1e-5. */
  readonly eps?: number;
  /**
   * Divide each row by its largest value first, like the "stable" norm of DALLE2-pytorch. A row whose largest value is
   * 0 is not divided; the reference computes NaN for it. Default: false.
   */
  readonly stable?: boolean;
  /** Added to the result; same shape as x. */
  readonly residual?: Tensor | undefined;
}

/** Layer norm (Ba et al. 2016) over the last axis: norm(x) · weight + bias + residual. The variance is divided by n. */
export function layerNorm(x: Tensor, options: LayerNormOptions = {}): Tensor {
  const { weight, bias, eps = 1e-5, stable = false, residual } = options;
  const { arena, channels } = x;
  const Element = floatType("layerNorm", "x", x);
  checkF32("layerNorm", "weight", weight, [channels]);
  checkF32("layerNorm", "bias", bias, [channels]);
  if (residual) {
    checkShape("layerNorm", "residual", residual, x.shape);
    checkDType("layerNorm", "residual", residual, x.dtype);
  }
  const y = arena.empty(x.shape, x.dtype);
  dispatch(arena.stream, "layerNorm", {
    op: "layerNorm",
    types: { Element },
    overrides: { TEAM: teamSize(x) },
    space: { samples: 1, lines: x.rows },
    operands: {
      x: perLine(x),
      weight: weight?.storage,
      bias: bias?.storage,
      residual: perLine(residual),
      y: perLine(y),
    },
    call: ({ lines }) => ({
      params: {
        rows: lines,
        channels,
        channels4: x.stride / 4,
        eps,
        stable: Number(stable),
        has_weight: Number(weight !== undefined),
        has_bias: Number(bias !== undefined),
        has_residual: Number(residual !== undefined),
      },
      grid: rowGrid(x, lines),
    }),
  });
  return y;
}

/** x / max(|x|, eps) · scale over the last axis. */
export function l2Norm(
  x: Tensor,
  { eps = libs.numbers.MIN_LENGTH, scale = 1 }: { eps?: number; scale?: number } = {},
): Tensor {
  const { arena } = x;
  const Element = floatType("l2Norm", "x", x);
  const y = arena.empty(x.shape, x.dtype);
  dispatch(arena.stream, "l2Norm", {
    op: "l2Norm",
    types: { Element },
    overrides: { TEAM: teamSize(x) },
    space: { samples: 1, lines: x.rows },
    operands: { x: perLine(x), y: perLine(y) },
    call: ({ lines }) => ({
      params: { rows: lines, channels4: x.stride / 4, eps, scale },
      grid: rowGrid(x, lines),
    }),
  });
  return y;
}

/**
 * Weight standardisation (Qiao et al. 2019) of a packed convolution weight `[kh, kw, in, out]`: each output channel
 * gets mean 0 and variance 1. The variance is divided by n and increased by `eps` (default 1e-5).
 */
export function weightStandardize(weight: Tensor, eps = 1e-5): Tensor {
  const { arena, shape } = weight;
  checkAxes("weightStandardize", "weight", weight, ["kh", "kw", "in", "out"]);
  const [height, width, inputs, outputs] = shape as [number, number, number, number];
  const y = arena.packed(shape, weight.dtype);
  const Element = floatType("weightStandardize", "weight", weight);
  for (const { first, vectors, span } of packedPanels(weight)) {
    dispatch(arena.stream, "weightStandardize", {
      op: "weightStandardize",
      types: { Element },
      space: { samples: 1, lines: 1 },
      operands: { w: fixedSpan(weight, span), y: fixedSpan(y, span) },
      call: () => ({
        params: {
          invocations: vectors,
          taps: height * width,
          inputs,
          padded_inputs: padChannels(inputs),
          outputs: outputs - 4 * first,
          out_vectors: vectors,
          eps,
        },
        grid: invocations(vectors),
      }),
    });
  }
  return y;
}
