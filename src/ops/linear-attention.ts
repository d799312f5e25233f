import type { Grid } from "../gpu/grid.js";
import { kernels } from "../gpu/kernel-sources.js";
import { padChannels } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { floatType } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { chunkedRows, perLine, perRows, perSample, rowsIn } from "./parts.js";
import { ShapeError } from "./shape-error.js";

/**
 * How a version of DALLE2-pytorch scales values; n is height · width. "plain" (before 1.2.0): not at all. "v_hw"
 * (1.2.0–1.2.2): by 1/n. "l2v_sqrt" (from 1.4.0 on): values are normalised to length 1, and keys and values are each
 * scaled by 1/√n.
 */
export type LinearAttentionVariant = "plain" | "v_hw" | "l2v_sqrt";

export interface LinearAttentionOptions {
  readonly heads: number;
  /** Channels of a head, at most 1024. In tensors each head is padded with zeros to a multiple of 4. */
  readonly dimHead: number;
  readonly variant: LinearAttentionVariant;
}

const op = "linearAttention";
/** Maximum number of vec4s of a head that an invocation of the first kernel keeps. */
const { COLUMNS } = kernels.linearAttentionPartials.fixed;
const [APPLY_WORKGROUP] = kernels.linearAttentionApply.workgroup;
/** The last kernel keeps a head in a private array, which WGSL limits to 8 KiB. */
const MAX_DIM_HEAD = 1024;
/** Each chunk of positions needs memory for one context matrix per head. */
const MIN_CHUNK = 64;
const MAX_CHUNKS = 16;

/**
 * Linear attention (Shen et al. 2018) with exact GELU. qkv is `[batch, ..., 3 · heads · paddedHead]`, with queries,
 * keys and values side by side; paddedHead is dimHead rounded up to a multiple of 4. The result is `[batch, ..., heads
 * · paddedHead]`. Queries get a softmax over the channels of a head and are scaled by 1/√dimHead. Keys get a softmax
 * over all positions. Statistics and factors are f32.
 */
export function linearAttention(qkv: Tensor, { heads, dimHead, variant }: LinearAttentionOptions): Tensor {
  const { arena, shape } = qkv;
  const { stream } = arena;
  const paddedHead = padChannels(dimHead);
  const inner = heads * paddedHead;
  const Element = floatType("linearAttention", "qkv", qkv);
  checkQkv(qkv, dimHead, inner);
  const batch = shape[0]!;
  const positions = qkv.rows / batch;
  const { chunkSize, chunks } = chunksOf(positions);
  const dimHead4 = paddedHead / 4;
  const slabs = Math.ceil(dimHead4 / COLUMNS);

  return arena.scope(() => {
    const peaks = arena.empty([batch, chunks, inner], "f32");
    const sums = arena.empty([batch, chunks, inner], "f32");
    const contexts = arena.empty([batch, chunks, inner, paddedHead], "f32");
    const inChunks = chunkedRows(positions, chunkSize);
    dispatch(stream, "linearAttentionPartials", {
      op,
      types: { Element },
      space: { samples: batch, lines: chunks },
      operands: {
        qkv: perRows(qkv, positions, qkv.stride, inChunks),
        peaks: perLine(peaks),
        sums: perLine(sums),
        contexts: perLine(contexts, inner * paddedHead),
      },
      call: (part) => ({
        params: {
          batch: part.samples,
          positions: part.isWhole ? positions : rowsIn(inChunks(part)),
          heads,
          dim_head4: dimHead4,
          slab4: Math.ceil(dimHead4 / slabs),
          chunks: part.lines,
          chunk_size: chunkSize,
          l2_values: Number(variant === "l2v_sqrt"),
        },
        grid: inLayers(invocations((part.count * inner) / 4), slabs),
      }),
    });
    const context = joinChunks({ peaks, sums, contexts }, variant === "plain" ? 1 : 1 / positions);
    const y = arena.empty([...shape.slice(0, -1), inner], qkv.dtype);
    const constants = applyConstants(dimHead4);
    dispatch(stream, "linearAttentionApply", {
      op,
      types: { Element },
      constants,
      space: { samples: batch, lines: positions },
      operands: { qkv: perLine(qkv), context: perSample(context, inner * paddedHead), y: perLine(y) },
      call: ({ samples, lines }) => ({
        params: { positions: lines, heads, dim_head: dimHead, dim_head4: dimHead4, scale: dimHead ** -0.5 },
        grid: [Math.ceil(lines / (constants.POSITIONS * APPLY_WORKGROUP)), heads, samples],
      }),
    });
    return y;
  });
}

/** What the first kernel computes for each chunk: `[batch, chunks, inner]`; contexts have an axis more. */
interface Chunks {
  readonly peaks: Tensor;
  readonly sums: Tensor;
  readonly contexts: Tensor;
}

/** Joins the context matrices of all chunks, times `factor`, to `[batch, inner, paddedHead]`. */
function joinChunks({ peaks, sums, contexts }: Chunks, factor: number): Tensor {
  const { arena, shape } = contexts;
  const [batch, chunks, inner, paddedHead] = shape as [number, number, number, number];
  const context = arena.empty([batch, inner, paddedHead], "f32");
  const dimHead4 = paddedHead / 4;
  dispatch(arena.stream, "linearAttentionContext", {
    op,
    space: { samples: batch, lines: 1 },
    operands: {
      peaks: perSample(peaks, chunks * inner),
      sums: perSample(sums, chunks * inner),
      contexts: perSample(contexts, chunks * inner * paddedHead),
      context: perSample(context, inner * paddedHead),
    },
    call: ({ samples }) => ({
      params: { invocations: samples * inner * dimHead4, inner, dim_head4: dimHead4, chunks, factor },
      grid: invocations(samples * inner * dimHead4),
    }),
  });
  return context;
}

function checkQkv({ shape, channels }: Tensor, dimHead: number, inner: number): void {
  if (dimHead > MAX_DIM_HEAD) {
    throw new ShapeError("linearAttention", "dimHead", `${dimHead}`, `at most ${MAX_DIM_HEAD}`);
  }
  if (shape.length < 3 || channels !== 3 * inner) {
    throw new ShapeError("linearAttention", "qkv", shape, ["batch", "...", 3 * inner]);
  }
}

/** Divides positions into at most MAX_CHUNKS chunks, which run in parallel. Each has a multiple of 4 positions. */
function chunksOf(positions: number): { readonly chunkSize: number; readonly chunks: number } {
  const chunkSize = Math.max(MIN_CHUNK, 4 * Math.ceil(positions / MAX_CHUNKS / 4));
  return { chunkSize, chunks: Math.ceil(positions / chunkSize) };
}

function inLayers([x, y]: Grid, layers: number): Grid {
  return [x, y, layers];
}

/**
 * Returns the constants of the last kernel. Heads of up to 128 channels share the default variant; wider ones use the
 * next power of two, and one position at a time.
 */
function applyConstants(dimHead4: number): { readonly POSITIONS: number; readonly MAX_DIM_HEAD4: number } {
  const { constants } = kernels.linearAttentionApply;
  if (dimHead4 <= constants.MAX_DIM_HEAD4) return constants;
  return { POSITIONS: 1, MAX_DIM_HEAD4: 2 ** Math.ceil(Math.log2(dimHead4)) };
}
