import type { Tensor } from "../tensor/tensor.js";
import { checkAxes, checkDType, checkShape, floatType } from "./check.js";
import { invocations } from "./grid.js";
import { ShapeError } from "./shape-error.js";

/** Returns u32 `[B, L]`: 1 for each token of `[B, L, C]` with a channel that is not zero, otherwise 0. */
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
  arena.stream.dispatch("selectRows", {
    types: { Element },
    overrides: { HAS_MASK: mask !== undefined },
    bindings: {
      tokens: tokens.storage,
      fallback: fallback.storage,
      mask: mask?.storage,
      keep_mask: keepMask.storage,
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
  arena.stream.dispatch("visibleTokens", {
    bindings: { mask: mask?.storage, keep_mask: keepMask.storage, y: y.storage },
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
