import type { Tensor } from "../tensor/tensor.js";
import { checkAxes, checkDType, checkShape, floatType } from "./check.js";
import { invocations } from "./grid.js";
import { ShapeError } from "./shape-error.js";

/** u32 `[B, L]`: 1 for each token of `[B, L, C]` with any channel that is not zero, else 0. */
export function nonZeroRows(x: Tensor): Tensor {
  checkAxes("nonZeroRows", "x", x, ["B", "L", "C"]);
  const [batch, length] = x.shape as [number, number, number];
  const Element = floatType("nonZeroRows", "x", x);
  const y = x.arena.empty([batch, length], "u32");
  x.arena.stream.dispatch("nonZeroRows", {
    types: { Element },
    bindings: { x: x.storage, y: y.storage },
    params: { invocations: batch * y.stride, length, stride: y.stride, channels4: x.stride / 4 },
    grid: invocations(batch * y.stride),
  });
  return y;
}

export interface SelectRows {
  /** `[B, L, C]` */
  readonly tokens: Tensor;
  /** `[M, C]` or `[1, M, C]`: what stands in, for each position of the result. */
  readonly fallback: Tensor;
  /** u32 `[B, L]`: 0 where the token is to be replaced. Default: nowhere. */
  readonly mask?: Tensor | undefined;
  /** Per sample 0 where all tokens are to be replaced; a list, or u32 `[B]` to upload it once for many calls. */
  readonly keep: Tensor | readonly number[];
}

/**
 * `[B, M, C]`: tokens[b, l] where l < L, mask[b, l] and keep[b] are set, else fallback[l]. Tokens beyond M are dropped.
 * This is how the reference pads texts with learned tokens and drops conditions for guidance.
 */
export function selectRows({ tokens, fallback, mask, keep }: SelectRows): Tensor {
  checkAxes("selectRows", "tokens", tokens, ["B", "L", "C"]);
  const { arena, stride } = tokens;
  const [batch, tokensLength, channels] = tokens.shape as [number, number, number];
  const length = fallback.rows;
  if (!("storage" in keep)) {
    return arena.scope(() => selectRows({ tokens, fallback, mask, keep: arena.from(keep, [keep.length], "u32") }));
  }
  checkFallback(fallback, tokens);
  checkMask("selectRows", "keep", keep, [batch]);
  if (mask) checkMask("selectRows", "mask", mask, [batch, tokensLength]);
  const Element = floatType("selectRows", "tokens", tokens);
  const y = arena.empty([batch, length, channels], Element);
  arena.stream.dispatch("selectRows", {
    types: { Element },
    overrides: { HAS_MASK: mask !== undefined },
    bindings: {
      tokens: tokens.storage,
      fallback: fallback.storage,
      mask: mask?.storage,
      keep: keep.storage,
      y: y.storage,
    },
    params: {
      invocations: y.vectors,
      length,
      tokens_length: tokensLength,
      mask_stride: mask?.stride ?? 0,
      channels4: stride / 4,
    },
    grid: invocations(y.vectors),
  });
  return y;
}

export interface VisibleTokens {
  /** u32 `[B]`: 0 where the first `optional` tokens of a sample are hidden. */
  readonly keep: Tensor;
  /** How many tokens, from the first on, depend on `keep`. */
  readonly optional: number;
  /** u32 `[B, L]`: 0 where one of the first L tokens is hidden. Default: none is. */
  readonly mask?: Tensor | undefined;
  /** Tokens in a sequence. */
  readonly length: number;
}

/** u32 `[B, length]`, 1 for each token that attention may see: a `keyMask` in the manner of the reference before 0.23.1. */
export function visibleTokens({ keep, optional, mask, length }: VisibleTokens): Tensor {
  const { arena, channels: batch } = keep;
  checkMask("visibleTokens", "keep", keep, [batch]);
  const maskLength = mask?.channels ?? 0;
  if (mask) checkMask("visibleTokens", "mask", mask, [batch, maskLength]);
  if (maskLength > length) throw new ShapeError("visibleTokens", "mask", mask!.shape, [batch, `<= ${length}`]);
  const y = arena.empty([batch, length], "u32");
  arena.stream.dispatch("visibleTokens", {
    bindings: { mask: mask?.storage, keep: keep.storage, y: y.storage },
    params: {
      invocations: batch * y.stride,
      length,
      stride: y.stride,
      mask_length: maskLength,
      mask_stride: mask?.stride ?? 0,
      optional,
    },
    grid: invocations(batch * y.stride),
  });
  return y;
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
