import { bytesPerElement, padChannels } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkDType, checkF32, checkShape, floatType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { concatChannels, sliceChannels } from "./layout.js";
import { attentionKernel } from "./attention-kernels.js";
import { perLine, perLineOfAll, perSample, type Operand } from "./parts.js";
import { ShapeError } from "./shape-error.js";

/**
 * Tables `[positions, rotated channels / 2]`, f32, of a rotary position embedding. They need at least `length`
 * positions.
 */
export interface RotaryTables {
  readonly cos: Tensor;
  readonly sin: Tensor;
  /**
   * Which channels are rotated as a pair: neighbours, or the channels at the same index in both halves. Default:
   * "neighbours".
   */
  readonly pairs?: "neighbours" | "halves";
}

export interface PrepareHeadsOptions {
  /** First channel of x to read; a multiple of 4. Default 0. */
  readonly offset?: number;
  readonly heads: number;
  /** Channels of a head. In tensors each head is padded with zeros to a multiple of 4. */
  readonly dimHead: number;
  readonly rotary?: RotaryTables | undefined;
  /** Normalise each head to length 1. Default: false. */
  readonly l2norm?: boolean;
  readonly scale?: number;
}

/**
 * Prepares `heads · paddedHead` channels of x `[batch, length, *]` for attention; paddedHead is dimHead rounded up to a
 * multiple of 4. Applies, in this order: a rotary position embedding of the first channels of each head (Su et al.
 * 2021), normalisation to length 1, and the scale. Returns `[batch, length, heads · paddedHead]`.
 */
export function prepareHeads(x: Tensor, options: PrepareHeadsOptions): Tensor {
  const { offset = 0, heads, dimHead, rotary, l2norm = false, scale = 1 } = options;
  const { arena } = x;
  const [batch, length] = checkHeads("prepareHeads", "x", x, offset, heads, dimHead);
  const pairs = rotary?.cos.channels ?? 0;
  if (2 * pairs > dimHead) throw new ShapeError("prepareHeads", "rotary.cos", [length, pairs], [length, dimHead / 2]);
  const positions = Math.max(rotary?.cos.rows ?? 0, length);
  checkF32("prepareHeads", "rotary.cos", rotary?.cos, [positions, pairs]);
  checkF32("prepareHeads", "rotary.sin", rotary?.sin, [positions, pairs]);
  const paddedHead = padChannels(dimHead);
  const y = arena.empty([batch, length, heads * paddedHead], x.dtype);
  const pairStride = rotary?.cos.stride ?? 0;
  dispatch(arena.stream, "prepareHeads", {
    op: "prepareHeads",
    types: { Element: floatType("prepareHeads", "x", x) },
    space: { samples: batch, lines: length },
    operands: {
      x: perLine(x),
      cosines: perLineOfAll(rotary?.cos, pairStride),
      sines: perLineOfAll(rotary?.sin, pairStride),
      y: perLine(y),
    },
    call: ({ lines, count }) => ({
      params: {
        invocations: count * heads,
        length: lines,
        stride4: x.stride / 4,
        offset4: offset / 4,
        heads,
        dim_head4: paddedHead / 4,
        pairs,
        pair_stride: pairStride,
        halves: Number(rotary?.pairs === "halves"),
        l2_norm: Number(l2norm),
        scale,
      },
      grid: invocations(count * heads),
    }),
  });
  return y;
}

export interface AttentionOptions {
  /**
   * `q` is `[batch, queries, *]`, `k` and `v` are `[batch, keys, *]`. Heads are side by side, starting at the offsets.
   */
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  /** First channel of the heads; multiples of 4. Default 0. */
  readonly qOffset?: number;
  readonly kOffset?: number;
  readonly vOffset?: number;
  readonly heads: number;
  /** Number of heads of keys and values, a divisor of `heads`. 1 is multi-query attention (Shazeer 2019). */
  readonly kvHeads: number;
  /** Channels of a head. In tensors each head is padded with zeros to a multiple of 4. */
  readonly dimHead: number;
  readonly scale: number;
  /**
   * Queries and keys are those of one sequence, the queries of its last tokens. A query sees only the keys of its own and of
   * earlier tokens, and the null key. Default: false.
   */
  readonly causal?: boolean;
  /** `[2, dimHead]`, f32: a key and its value at position 0 that every query of every head sees. */
  readonly nullKv?: Tensor | undefined;
  /**
   * `[distances, heads]`, f32: added to the scores by distance max(i - j, 0). The null key counts as a position, so
   * with it position j is the index of the key plus 1.
   */
  readonly relativeBias?: Tensor | undefined;
  /** `[batch, keys]`, u32: 0 hides a key. The result of a query that sees no key is 0. */
  readonly keyMask?: Tensor | undefined;
}

/**
 * Attention: softmax(scale · q kᵀ + bias) v. Returns `[batch, queries, heads · paddedHead]`; paddedHead is dimHead
 * rounded up to a multiple of 4. Softmax and sums are f32.
 */
export function attention(options: AttentionOptions): Tensor {
  const { q, k, v, qOffset = 0, kOffset = 0, vOffset = 0, heads, kvHeads, dimHead, scale } = options;
  const { causal = false, nullKv, relativeBias, keyMask } = options;
  const { arena } = q;
  const { batch, queries, keys } = checkAttention(options);
  // Causal queries are the last tokens of their sequence.
  const firstQuery = causal ? keys - queries : 0;
  const groups = headGroups(options, keys);
  if (groups !== undefined) return attentionInGroups(options, groups);
  const paddedHead = padChannels(dimHead);
  const dimHead4 = paddedHead / 4;
  const kernel = attentionKernel(arena.stream, {
    rows: (queries * heads) / kvHeads,
    keys: keys + Number(nullKv !== undefined),
    dimHead4,
    dtype: floatType("attention", "q", q),
    isInUnits: [paddedHead, q.stride, k.stride, v.stride, qOffset, kOffset, vOffset].every((size) => size % 8 === 0),
  });
  const y = arena.empty([batch, queries, heads * paddedHead], q.dtype);
  dispatch(arena.stream, kernel.name, {
    op: "attention",
    types: { Element: floatType("attention", "q", q) },
    constants: kernel.constants,
    // Queries. Each reads all keys and values of its sample.
    space: { samples: batch, lines: queries },
    operands: {
      ...keyOperands(options, keys),
      q: perLine(q),
      null_kv: nullKv?.storage,
      relative_bias: relativeBias?.storage,
      y: perLine(y),
    },
    call: (part) => ({
      params: {
        batch: part.samples,
        queries: part.lines,
        keys,
        heads,
        kv_heads: kvHeads,
        dim_head4: dimHead4,
        slab4: kernel.slab4,
        q_stride4: q.stride / 4,
        k_stride4: k.stride / 4,
        v_stride4: v.stride / 4,
        q_offset4: qOffset / 4,
        k_offset4: kOffset / 4,
        v_offset4: vOffset / 4,
        bias_stride: relativeBias?.stride ?? 0,
        mask_stride: keyMask?.stride ?? 0,
        scale,
        causal: Number(causal),
        has_null: Number(nullKv !== undefined),
        has_bias: Number(relativeBias !== undefined),
        has_mask: Number(keyMask !== undefined),
        first_query: firstQuery + part.line,
      },
      grid: kernel.grid({ samples: part.samples, queries: part.lines, heads, kvHeads }),
    }),
  });
  return y;
}

/**
 * In how many groups heads must be computed because a kernel cannot bind the keys or values of a sample; undefined if it can,
 * or if groups would not help.
 */
function headGroups({ k, v, kvHeads, dimHead }: AttentionOptions, keys: number): number | undefined {
  const limit = k.arena.stream.maxBindingSize;
  const bytesOf = (channels: number): number => keys * channels * bytesPerElement(k.dtype);
  if (bytesOf(Math.max(k.stride, v.stride)) <= limit) return undefined;
  const counts = Array.from({ length: kvHeads }, (_, i) => i + 1).filter((groups) => kvHeads % groups === 0);
  return counts.find((groups) => bytesOf((kvHeads / groups) * padChannels(dimHead)) <= limit);
}

/** Attention of groups of heads, each on a copy of its channels. */
function attentionInGroups(options: AttentionOptions, groups: number): Tensor {
  const { q, k, v, qOffset = 0, kOffset = 0, vOffset = 0, relativeBias } = options;
  const [heads, kvHeads] = [options.heads / groups, options.kvHeads / groups];
  const paddedHead = padChannels(options.dimHead);
  const cut = (x: Tensor, offset: number, size: number, group: number): Tensor =>
    sliceChannels(x, offset + group * size, offset + (group + 1) * size);
  return q.arena.scope(() =>
    concatChannels(
      Array.from({ length: groups }, (_, group) =>
        q.arena.scope(() =>
          attention({
            ...options,
            q: cut(q, qOffset, heads * paddedHead, group),
            k: cut(k, kOffset, kvHeads * paddedHead, group),
            v: cut(v, vOffset, kvHeads * paddedHead, group),
            qOffset: 0,
            kOffset: 0,
            vOffset: 0,
            heads,
            kvHeads,
            relativeBias: relativeBias && cut(relativeBias, 0, heads, group),
          }),
        ),
      ),
    ),
  );
}

function keyOperands(
  { k, v, keyMask }: AttentionOptions,
  keys: number,
): Record<"k" | "v" | "key_mask", Operand | undefined> {
  return {
    k: perSample(k, keys * k.stride),
    v: perSample(v, keys * v.stride),
    key_mask: perSample(keyMask, keyMask?.stride ?? 0),
  };
}

/** Checks that x is `[batch, length, *]` with whole heads from `offset` on. Returns batch and length. */
function checkHeads(
  op: string,
  argument: string,
  x: Tensor,
  offset: number,
  heads: number,
  dimHead: number,
): [batch: number, length: number] {
  if (!Number.isInteger(dimHead) || dimHead < 1)
    throw new ShapeError(op, "dimHead", `${dimHead}`, "a whole number above 0");
  if (offset % 4 !== 0) throw new ShapeError(op, `offset into ${argument}`, `${offset}`, "a multiple of 4");
  const [batch, length, channels] = x.shape;
  const end = offset + heads * padChannels(dimHead);
  if (x.shape.length !== 3 || end > channels!) {
    throw new ShapeError(op, argument, x.shape, ["batch", "length", `>= ${end}`]);
  }
  return [batch!, length!];
}

/** Checks the arguments of `attention`. Returns their sizes. */
function checkAttention(options: AttentionOptions) {
  const {
    q,
    k,
    v,
    qOffset = 0,
    kOffset = 0,
    vOffset = 0,
    heads,
    kvHeads,
    dimHead,
    causal,
    nullKv,
    relativeBias,
  } = options;
  const [batch, queries] = checkHeads("attention", "q", q, qOffset, heads, dimHead);
  const [, keys] = checkHeads("attention", "k", k, kOffset, kvHeads, dimHead);
  checkHeads("attention", "v", v, vOffset, kvHeads, dimHead);
  if (heads % kvHeads !== 0) throw new ShapeError("attention", "kvHeads", `${kvHeads}`, `a divisor of ${heads}`);
  checkKeys(options, batch, keys);
  if (causal && queries > keys)
    throw new ShapeError("attention", "k", k.shape, `at least ${queries} keys, because attention is causal`);
  checkF32("attention", "nullKv", nullKv, [2, dimHead]);
  const distances = relativeBias ? Math.max(relativeBias.rows, causal ? keys : queries) : 0;
  checkF32("attention", "relativeBias", relativeBias, [distances, heads]);
  return { batch, queries, keys };
}

function checkKeys({ q, k, v, keyMask }: AttentionOptions, batch: number, keys: number): void {
  for (const [name, tensor] of [
    ["k", k],
    ["v", v],
  ] as const) {
    checkShape("attention", name, tensor, [batch, keys, tensor.channels]);
    checkDType("attention", name, tensor, q.dtype);
  }
  if (!keyMask) return;
  checkShape("attention", "keyMask", keyMask, [batch, keys]);
  checkDType("attention", "keyMask", keyMask, "u32");
}
