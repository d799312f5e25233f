import { attention } from "../../src/ops/attention.js";
import type { Arena } from "../../src/tensor/arena.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import type { Random } from "./gpu.js";
import * as oracle from "./oracle-attention.js";
import { rounded } from "./rounded.js";

/** Size and options of an attention. */
export interface AttentionShape {
  readonly batch: number;
  readonly queries: number;
  readonly keys: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly dimHead: number;
  readonly causal?: boolean;
  readonly nullKv?: boolean;
  readonly bias?: boolean;
  readonly mask?: boolean;
  /** Where the heads of the queries begin, in channels. Default: 8 if heads have whole units of 8 channels, else 4. */
  readonly offset?: number;
}

/**
 * Computes an attention of random values, and what is expected. Heads are taken from the middle of wider rows.
 */
export function attend(arena: Arena, random: Random, shape: AttentionShape): { y: Tensor; expected: Float64Array } {
  const { batch, queries, keys, heads, kvHeads, dimHead, causal = false } = shape;
  const padded = oracle.paddedHead(dimHead);
  const unit = shape.offset ?? (padded % 8 === 0 ? 8 : 4);
  const qHeads = { offset: unit, channels: heads * padded + 2 * unit, length: queries };
  const kHeads = { offset: 0, channels: 2 * kvHeads * padded, length: keys };
  const vHeads = { ...kHeads, offset: kvHeads * padded };
  const values = (count: number, place: { offset: number; channels: number }, ofHeads: number, scale = 1) =>
    oracle.clearPadding(rounded(random.normals(count, scale), arena.dtype), { ...place, heads: ofHeads, dimHead });
  const qValues = values(batch * queries * qHeads.channels, qHeads, heads);
  const kvValues = values(batch * keys * kHeads.channels, kHeads, 2 * kvHeads, 2);
  const nullKv = shape.nullKv ? random.normals(2 * dimHead) : undefined;
  const distances = causal ? keys : queries;
  const relativeBias = shape.bias ? random.normals(distances * heads, 3) : undefined;
  const keyMask = shape.mask ? Uint32Array.from({ length: batch * keys }, () => random.integer(0, 1)) : undefined;
  const shared = { heads, kvHeads, dimHead, scale: dimHead ** -0.5, causal };
  const kv = arena.from(kvValues, [batch, keys, kHeads.channels]);
  const y = attention({
    ...shared,
    q: arena.from(qValues, [batch, queries, qHeads.channels]),
    k: kv,
    v: kv,
    qOffset: qHeads.offset,
    vOffset: vHeads.offset,
    nullKv: nullKv && arena.from(nullKv, [2, dimHead], "f32"),
    relativeBias: relativeBias && arena.from(relativeBias, [distances, heads], "f32"),
    keyMask: keyMask && arena.from(keyMask, [batch, keys], "u32"),
  });
  const expected = oracle.attention({
    ...shared,
    batch,
    q: { ...qHeads, values: qValues },
    k: { ...kHeads, values: kvValues },
    v: { ...vHeads, values: kvValues },
    nullKv,
    relativeBias,
    keyMask,
  });
  return { y, expected };
}
