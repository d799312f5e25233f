import type { Tensor } from "../tensor/tensor.js";
import { checkAxes, checkDType, checkShape, floatType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { operand, perLine, perLineOfAll, perSample, type Operand, type Part } from "./parts.js";
import { ShapeError } from "./shape-error.js";

/** Returns how many of the first `length` tokens of a sample are in a part. */
function tokensIn(length: number, { line, lines }: Part): number {
  return Math.max(0, Math.min(lines, length - line));
}

/** `length` tokens of `size` elements for each sample; the result has more or fewer. */
function perToken(tensor: Tensor, length: number, size: number): Operand {
  return operand(tensor, (part) => {
    if (part.isWhole) {
      return [{ start: part.sample * length * size, end: (part.sample + part.samples) * length * size }];
    }
    const start = part.sample * length + part.line;
    return [{ start: start * size, end: (start + tokensIn(length, part)) * size }];
  });
}

/** Returns u32 `[B, L]`: 1 for each token of `[B, L, C]` with a channel that is not zero, otherwise 0. */
export function nonZeroRows(x: Tensor): Tensor {
  checkAxes("nonZeroRows", "x", x, ["B", "L", "C"]);
  const [batch, length] = x.shape as [number, number, number];
  const Element = floatType("nonZeroRows", "x", x);
  const y = x.arena.empty([batch, length], "u32");
  dispatch(x.arena.stream, "nonZeroRows", {
    op: "nonZeroRows",
    types: { Element },
    // Elements of y with its padding, for which there are no tokens.
    space: { samples: batch, lines: y.stride },
    operands: { x: perToken(x, length, x.stride), y: perLine(y, 1) },
    call: (part) => ({
      params: {
        invocations: part.count,
        length: tokensIn(length, part),
        stride: part.lines,
        channels4: x.stride / 4,
      },
      grid: invocations(part.count),
    }),
  });
  return y;
}

export interface SelectRows {
  /** `[B, L, C]` */
  readonly tokens: Tensor;
  /** `[M, C]` or `[1, M, C]`: the replacement for each position of the result. */
  readonly fallback: Tensor;
  /** u32 `[B, L]`: 0 replaces the token. Default: none is replaced. */
  readonly mask?: Tensor | undefined;
  /** For each sample, 0 replaces all tokens. A list, or u32 `[B]` to upload it only once for many calls. */
  readonly keepMask: Tensor | readonly number[];
}

/**
 * Returns `[B, M, C]`: tokens[b, l] if l < L and both mask[b, l] and keepMask[b] are set, otherwise fallback[l]. Tokens
 * beyond M are dropped. The reference pads texts with learned tokens, and drops conditions for guidance, in this way.
 */
export function selectRows({ tokens, fallback, mask, keepMask }: SelectRows): Tensor {
  checkAxes("selectRows", "tokens", tokens, ["B", "L", "C"]);
  const { arena, stride } = tokens;
  const [batch, tokensLength, channels] = tokens.shape as [number, number, number];
  const length = fallback.rows;
  if (!("storage" in keepMask)) {
    return arena.scope(() =>
      selectRows({ tokens, fallback, mask, keepMask: arena.from(keepMask, [keepMask.length], "u32") }),
    );
  }
  checkFallback(fallback, tokens);
  checkMask("selectRows", "keepMask", keepMask, [batch]);
  if (mask) checkMask("selectRows", "mask", mask, [batch, tokensLength]);
  const Element = floatType("selectRows", "tokens", tokens);
  const y = arena.empty([batch, length, channels], Element);
  dispatch(arena.stream, "selectRows", {
    op: "selectRows",
    types: { Element },
    overrides: { HAS_MASK: mask !== undefined },
    space: { samples: batch, lines: length },
    operands: {
      tokens: perToken(tokens, tokensLength, stride),
      fallback: perLineOfAll(fallback, stride),
      mask: maskFrom(mask),
      keep_mask: perSample(keepMask, 1),
      y: perLine(y),
    },
    call: (part) => ({
      params: {
        invocations: (part.count * stride) / 4,
        length: part.lines,
        tokens_length: part.isWhole ? tokensLength : tokensIn(tokensLength, part),
        mask_stride: mask?.stride ?? 0,
        channels4: stride / 4,
      },
      grid: invocations((part.count * stride) / 4),
    }),
  });
  return y;
}

export interface VisibleTokens {
  /** u32 `[B]`: 0 hides the first `optional` tokens of a sample. */
  readonly keepMask: Tensor;
  /** Number of tokens, from the first on, that depend on `keepMask`. */
  readonly optional: number;
  /** u32 `[B, L]`: 0 hides one of the first L tokens. Default: none is hidden. */
  readonly mask?: Tensor | undefined;
  /** Number of tokens in a sequence. */
  readonly length: number;
}

/**
 * Returns u32 `[B, length]`: 1 for each token that attention may see. This is the `keyMask` of the reference before
 * 0.23.1.
 */
export function visibleTokens({ keepMask, optional, mask, length }: VisibleTokens): Tensor {
  const { arena, channels: batch } = keepMask;
  checkMask("visibleTokens", "keepMask", keepMask, [batch]);
  const maskLength = mask?.channels ?? 0;
  if (mask) checkMask("visibleTokens", "mask", mask, [batch, maskLength]);
  if (maskLength > length) throw new ShapeError("visibleTokens", "mask", mask!.shape, [batch, `<= ${length}`]);
  const y = arena.empty([batch, length], "u32");
  dispatch(arena.stream, "visibleTokens", {
    op: "visibleTokens",
    space: { samples: batch, lines: 1 },
    operands: { mask: perSample(mask, mask?.stride ?? 0), keep_mask: perSample(keepMask, 1), y: perLine(y, y.stride) },
    call: ({ samples }) => ({
      params: {
        invocations: samples * y.stride,
        length,
        stride: y.stride,
        mask_length: maskLength,
        mask_stride: mask?.stride ?? 0,
        optional,
      },
      grid: invocations(samples * y.stride),
    }),
  });
  return y;
}

/** The mask of the tokens of a part. Its rows are padded, so lines of one sample begin within a row. */
function maskFrom(mask: Tensor | undefined): Operand | undefined {
  const { stride = 0, channels = 0 } = mask ?? {};
  return operand(mask, (part) => {
    if (part.isWhole) return [{ start: part.sample * stride, end: (part.sample + part.samples) * stride }];
    const start = part.sample * stride + part.line;
    return [{ start, end: start + tokensIn(channels, part) }];
  });
}

function checkFallback(fallback: Tensor, tokens: Tensor): void {
  const length = fallback.shape.length === 3 && fallback.shape[0] === 1 ? fallback.shape[1]! : fallback.shape[0]!;
  if (fallback.rows !== length || fallback.channels !== tokens.channels) {
    throw new ShapeError("selectRows", "fallback", fallback.shape, ["M", tokens.channels]);
  }
  checkDType("selectRows", "fallback", fallback, tokens.dtype);
}

function checkMask(op: string, argument: string, tensor: Tensor, expected: readonly number[]): void {
  checkShape(op, argument, tensor, expected);
  checkDType(op, argument, tensor, "u32");
}
