import type { Tensor } from "../tensor/tensor.js";
import { floatType } from "./check.js";
import { invocations } from "./grid.js";
import { ShapeError } from "./shape-error.js";

/**
 * How DALLE2-pytorch scales values, by version: "plain" not at all (before 1.2.0), "v_hw" by 1/n (1.2.0–1.2.2),
 * "l2v_sqrt" gives values unit length and scales keys and values by 1/√n each (from 1.4.0 on); n is height · width.
 */
export type LinearAttentionVariant = "plain" | "v_hw" | "l2v_sqrt";

export interface LinearAttentionOptions {
  readonly heads: number;
  /** A multiple of 4, at most 128. */
  readonly dimHead: number;
  readonly variant: LinearAttentionVariant;
}

/** Kernels keep a head in a private array of this size. */
const MAX_DIM_HEAD = 128;
/** `POSITIONS` of 32 invocations in kernels/linear_attention_apply.wgsl. */
const POSITIONS_PER_GROUP = 64;
/** Chunks, of a multiple of 4 positions, are worked on in parallel; each takes memory for one context matrix per head. */
const MIN_CHUNK = 64;
const MAX_CHUNKS = 16;

/**
 * Linear attention (Shen et al. 2018) with exact GELU: qkv is `[batch, ..., 3 · heads · dimHead]`, queries, keys and
 * values side by side; the result is `[batch, ..., heads · dimHead]`. Queries go through a softmax over the channels of
 * a head and are scaled by 1/√dimHead, keys through one over all positions. Statistics and factors are f32.
 */
export function linearAttention(qkv: Tensor, { heads, dimHead, variant }: LinearAttentionOptions): Tensor {
  const { arena, shape } = qkv;
  const gpu = arena.gpu;
  const inner = heads * dimHead;
  const Element = floatType("linearAttention", "qkv", qkv);
  if (dimHead % 4 !== 0 || dimHead > MAX_DIM_HEAD) {
    throw new ShapeError("linearAttention", "dimHead", `${dimHead}`, `a multiple of 4, at most ${MAX_DIM_HEAD}`);
  }
  if (shape.length < 3 || qkv.channels !== 3 * inner) {
    throw new ShapeError("linearAttention", "qkv", shape, ["batch", "...", 3 * inner]);
  }
  const batch = shape[0]!;
  const positions = qkv.rows / batch;
  const chunkSize = Math.max(MIN_CHUNK, 4 * Math.ceil(positions / MAX_CHUNKS / 4));
  const chunks = Math.ceil(positions / chunkSize);
  const dimHead4 = dimHead / 4;

  return arena.scope(() => {
    const peaks = arena.empty([batch, chunks, inner], "f32");
    const sums = arena.empty([batch, chunks, inner], "f32");
    const contexts = arena.empty([batch, chunks, inner, dimHead], "f32");
    gpu.dispatch("linearAttentionPartials", {
      types: { Element },
      bindings: { qkv: qkv.storage, peaks: peaks.storage, sums: sums.storage, contexts: contexts.storage },
      params: {
        batch,
        positions,
        heads,
        dim_head4: dimHead4,
        chunks,
        chunk_size: chunkSize,
        l2_values: Number(variant === "l2v_sqrt"),
      },
      grid: invocations(gpu, peaks.vectors),
    });
    const context = arena.empty([batch, inner, dimHead], "f32");
    gpu.dispatch("linearAttentionContext", {
      bindings: {
        peaks: peaks.storage,
        sums: sums.storage,
        contexts: contexts.storage,
        context: context.storage,
      },
      params: { batch, inner, dim_head4: dimHead4, chunks, factor: variant === "plain" ? 1 : 1 / positions },
      grid: invocations(gpu, context.vectors),
    });
    const y = arena.empty([...shape.slice(0, -1), inner], qkv.dtype);
    gpu.dispatch("linearAttentionApply", {
      types: { Element },
      bindings: { qkv: qkv.storage, context: context.storage, y: y.storage },
      params: { positions, heads, dim_head4: dimHead4, scale: dimHead ** -0.5 },
      grid: [Math.ceil(positions / POSITIONS_PER_GROUP), heads, batch],
    });
    return y;
  });
}
