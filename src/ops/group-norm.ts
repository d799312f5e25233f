import { foldedGrid } from "../gpu/grid.js";
import { libs } from "../gpu/kernel-sources.js";
import type { GroupNormRule } from "../gpu/tuning.js";
import { bytesPerElement, padChannels, type ComputeType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { activationKinds } from "./activation.js";
import { checkAxes, checkDType, checkF32, checkShape, floatType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { chunkedRows, perLine, perRows, perSample, rowsIn } from "./parts.js";
import { ShapeError } from "./shape-error.js";

const { STATISTICS, COEFFICIENTS } = libs.groupNorm;
/** Invocations that join the partial statistics of one group. */
const GROUP_TEAM = 16;

export interface GroupNormOptions {
  readonly groups: number;
  /** `[channels]`, f32. */
  readonly weight: Tensor;
  /** `[channels]`, f32. */
  readonly bias: Tensor;
  /** Default 1e-5. */
  readonly eps?: number;
  /**
   * `[batch, *]`: from `scaleShiftStart` on the scales, then the shifts of feature-wise linear modulation (Perez et al. 2018).
   */
  readonly scaleShift?: Tensor | undefined;
  /** A multiple of 4. Default 0. */
  readonly scaleShiftStart?: number | undefined;
  readonly activation?: "none" | "silu";
  /** Added to the result; same shape as x. */
  readonly residual?: Tensor | undefined;
}

/**
 * Group norm (Wu & He 2018) of a feature map `[batch, ..., channels]`, with the modulation and the activation that
 * follow it in a U-Net: activation(norm(x) · (scale + 1) + shift) + residual. norm(x) includes weight and bias.
 */
export function groupNorm(x: Tensor, options: GroupNormOptions): Tensor {
  checkGroupNorm(x, options);
  const rule = groupNormRule(x, options);
  return rule.kernel === "whole" ? wholeGroupNorm(x, options, rule) : chunkedGroupNorm(x, options);
}

/** Returns the first rule of the device's tuning table for a norm of x. */
function groupNormRule(x: Tensor, { scaleShift }: GroupNormOptions): GroupNormRule {
  const { tuning, maxBindingSize } = x.arena.stream;
  const positions = x.rows / x.shape[0]!;
  // One launch binds all of a sample, and reads the shifts as vec4s.
  const fits = positions * x.stride * bytesPerElement(x.dtype) <= maxBindingSize;
  const isWhole = fits && (scaleShift === undefined || x.channels % 4 === 0);
  const rule = tuning.groupNorm?.find(({ kernel, maxPositions = Infinity }) => {
    return positions <= maxPositions && (isWhole || kernel === "chunked");
  });
  return rule ?? { kernel: "chunked" };
}

/** Group norm in one launch. */
function wholeGroupNorm(x: Tensor, options: GroupNormOptions, { invocations: WORKGROUP = 8 }: GroupNormRule): Tensor {
  const { groups, weight, bias, eps = 1e-5, scaleShift, scaleShiftStart = 0 } = options;
  const { activation = "none", residual } = options;
  const { arena, stride } = x;
  const batch = x.shape[0]!;
  const positions = x.rows / batch;
  const width = x.channels / groups;
  const block4 = width / greatestDivisor(width, 4);
  const blocks = Math.ceil(stride / 4 / block4);
  const y = arena.empty(x.shape, x.dtype);
  dispatch(arena.stream, "groupNorm", {
    op: "groupNorm",
    types: { Element: floatType("groupNorm", "x", x) },
    overrides: { ACTIVATION: activationKinds[activation], WORKGROUP },
    space: { samples: batch, lines: 1 },
    operands: {
      x: perSample(x, positions * stride),
      weight: weight.storage,
      bias: bias.storage,
      scale_shift: perLine(scaleShift),
      residual: perSample(residual, positions * stride),
      y: perSample(y, positions * stride),
    },
    call: ({ samples }) => ({
      params: {
        batch: samples,
        positions,
        channels4: stride / 4,
        blocks,
        block4,
        columns: greatestDivisor(block4, WORKGROUP),
        width,
        has_scale_shift: Number(scaleShift !== undefined),
        scale_shift_stride4: (scaleShift?.stride ?? 0) / 4,
        scale_shift_start4: scaleShiftStart / 4,
        has_residual: Number(residual !== undefined),
        invocations: WORKGROUP,
        eps,
      },
      grid: foldedGrid(samples * blocks),
    }),
  });
  return y;
}

/** The greatest power of two that divides `n`, at most `most`. */
function greatestDivisor(n: number, most: number): number {
  let power = 1;
  while (2 * power <= most && n % (2 * power) === 0) power *= 2;
  return power;
}

/** Group norm in three launches: statistics of chunks, coefficients, and the result. */
function chunkedGroupNorm(x: Tensor, options: GroupNormOptions): Tensor {
  // The square root balances the work of the first and the second kernel.
  const positions = x.rows / x.shape[0]!;
  const chunkSize = Math.max(16, Math.ceil(Math.sqrt(positions)));
  return x.arena.scope(() => {
    const { channels } = x;
    const map = { channels, positions, chunkSize, dtype: floatType("groupNorm", "x", x) };
    return applied(x, groupCoefficients(chunkStatistics(x, chunkSize), map, options), options);
  });
}

/**
 * The first part of the group norm of a feature map that is computed by rows: the statistics of rows `[batch, rows, width, channels]`,
 * one token `[batch, rows, *]` each. Those of all rows of the feature map, joined, are what `rowsCoefficients` takes.
 */
export function rowStatistics(x: Tensor): Tensor {
  checkAxes("rowStatistics", "x", x, ["batch", "rows", "width", "channels"]);
  const [batch, rows, width] = x.shape as [number, number, number, number];
  return x.arena.scope(() => chunkStatistics(x, width).reshape([batch, rows, STATISTICS * x.stride]));
}

/**
 * The second part: the coefficients of the channels of a feature map `[batch, height, width, channels]`, from the statistics of its rows,
 * `[batch, height, *]`. `applyGroupNorm` takes them.
 */
export function rowsCoefficients(
  statistics: Tensor,
  { width, channels, dtype }: { readonly width: number; readonly channels: number; readonly dtype: ComputeType },
  options: Pick<GroupNormOptions, "groups" | "weight" | "bias" | "eps">,
): Tensor {
  const [batch = 0, height = 0] = statistics.shape;
  const stride = padChannels(channels);
  checkShape("rowsCoefficients", "statistics", statistics, [batch, height, STATISTICS * stride]);
  return statistics.arena.scope(() => {
    const partials = statistics.reshape([batch, height, STATISTICS, stride]);
    return groupCoefficients(partials, { channels, positions: height * width, chunkSize: width, dtype }, options);
  });
}

/** The last part: norms some rows `[batch, rows, width, channels]` by the coefficients of the whole feature map. */
export function applyGroupNorm(
  x: Tensor,
  coefficients: Tensor,
  options: Pick<GroupNormOptions, "activation"> = {},
): Tensor {
  checkShape("applyGroupNorm", "coefficients", coefficients, [x.shape[0]!, COEFFICIENTS, x.stride]);
  return applied(x, coefficients, options);
}

/** The statistics of chunks of positions, `[batch, chunks, 2, stride]`. */
function chunkStatistics(x: Tensor, chunkSize: number): Tensor {
  const { stride, arena } = x;
  const batch = x.shape[0]!;
  const positions = x.rows / batch;
  const channels4 = stride / 4;
  const chunks = Math.ceil(positions / chunkSize);
  const partials = arena.empty([batch, chunks, STATISTICS, stride], "f32");
  const inChunks = chunkedRows(positions, chunkSize);
  dispatch(arena.stream, "groupNormPartials", {
    op: "groupNorm",
    types: { Element: floatType("groupNorm", "x", x) },
    space: { samples: batch, lines: chunks },
    operands: { x: perRows(x, positions, stride, inChunks), partials: perLine(partials, STATISTICS * stride) },
    call: (part) => ({
      params: {
        invocations: part.count * channels4,
        positions: part.isWhole ? positions : rowsIn(inChunks(part)),
        channels4,
        chunks: part.lines,
        chunk_size: chunkSize,
      },
      grid: invocations(part.count * channels4),
    }),
  });
  return partials;
}

/** Norms x by the coefficients of its channels. */
function applied(
  x: Tensor,
  coefficients: Tensor,
  { activation = "none", residual }: Pick<GroupNormOptions, "activation" | "residual">,
): Tensor {
  const { arena, stride } = x;
  const batch = x.shape[0]!;
  const channels4 = stride / 4;
  const y = arena.empty(x.shape, x.dtype);
  dispatch(arena.stream, "groupNormApply", {
    op: "groupNorm",
    types: { Element: floatType("groupNorm", "x", x) },
    overrides: { ACTIVATION: activationKinds[activation] },
    space: { samples: batch, lines: x.rows / batch },
    operands: {
      x: perLine(x),
      coefficients: perSample(coefficients, COEFFICIENTS * stride),
      residual: perLine(residual),
      y: perLine(y),
    },
    call: ({ lines, count }) => ({
      params: {
        invocations: count * channels4,
        positions: lines,
        channels4,
        has_residual: Number(residual !== undefined),
      },
      grid: invocations(count * channels4),
    }),
  });
  return y;
}

/** A feature map in chunks. */
interface Chunked {
  readonly channels: number;
  readonly dtype: ComputeType;
  /** Positions of a sample. */
  readonly positions: number;
  /** Positions of a chunk. */
  readonly chunkSize: number;
}

/** Joins the statistics of chunks of x and returns the coefficients of each channel, `[batch, 3, stride]`. */
function groupCoefficients(
  partials: Tensor,
  { channels, positions, chunkSize, dtype }: Chunked,
  options: GroupNormOptions,
): Tensor {
  const { groups, weight, bias, eps = 1e-5, scaleShift, scaleShiftStart = 0 } = options;
  const { arena } = partials;
  const stride = padChannels(channels);
  const [batch, chunks] = partials.shape as [number, number];
  const coefficients = arena.empty([batch, COEFFICIENTS, stride], "f32");
  dispatch(arena.stream, "groupNormCoefficients", {
    op: "groupNorm",
    types: { Element: dtype },
    overrides: { WORKGROUP: GROUP_TEAM, TEAM: GROUP_TEAM },
    space: { samples: batch, lines: 1 },
    operands: {
      partials: perSample(partials, chunks * STATISTICS * stride),
      weight: weight.storage,
      bias: bias.storage,
      scale_shift: perLine(scaleShift),
      coefficients: perSample(coefficients, COEFFICIENTS * stride),
    },
    call: ({ samples }) => ({
      params: {
        batch: samples,
        positions,
        channels,
        stride,
        groups,
        chunks,
        chunk_size: chunkSize,
        has_scale_shift: Number(scaleShift !== undefined),
        scale_shift_stride: scaleShift?.stride ?? 0,
        scale_shift_start: scaleShiftStart,
        eps,
      },
      grid: foldedGrid(samples * groups),
    }),
  });
  return coefficients;
}

function checkGroupNorm(x: Tensor, options: GroupNormOptions): void {
  const { groups, weight, bias, scaleShift, scaleShiftStart = 0, residual } = options;
  const { channels } = x;
  if (x.shape.length < 3) throw new ShapeError("groupNorm", "x", x.shape, "[batch, ..., channels]");
  if (channels % groups !== 0) throw new ShapeError("groupNorm", "groups", `${groups}`, `a divisor of ${channels}`);
  checkF32("groupNorm", "weight", weight, [channels]);
  checkF32("groupNorm", "bias", bias, [channels]);
  if (scaleShift) {
    const end = scaleShiftStart + 2 * channels;
    if (scaleShiftStart % 4 !== 0 || scaleShift.shape.length !== 2 || scaleShift.channels < end) {
      throw new ShapeError("groupNorm", "scaleShift", scaleShift.shape, [x.shape[0]!, `${end} or more`]);
    }
    checkShape("groupNorm", "scaleShift", scaleShift, [x.shape[0]!, scaleShift.channels]);
    checkDType("groupNorm", "scaleShift", scaleShift, x.dtype);
  }
  if (residual) {
    checkShape("groupNorm", "residual", residual, x.shape);
    checkDType("groupNorm", "residual", residual, x.dtype);
  }
}
