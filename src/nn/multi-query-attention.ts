import { inModule } from "./in-module.js";
import { attention, prepareHeads, type RotaryTables } from "../ops/attention.js";
import { padTokens, sliceTokens, writeTokens } from "../ops/layout.js";
import { padChannels } from "../tensor/dtype.js";
import type { Tensor, TensorArena } from "../tensor/tensor.js";
import type { Weights } from "../weights/store.js";
import { gainNorm, type GainNormOptions } from "./gain-norm.js";
import type { LayerNorm } from "./layer-norm.js";
import { Linear } from "./linear.js";
import { nullKeyValue } from "./null-key-value.js";
import type { RelativePositionBias } from "./relative-position-bias.js";
import type { RotaryEmbedding } from "./rotary-embedding.js";

/** Input of the softmax: `scale` times the dot product of query and key, or times their cosine similarity. */
export interface Logits {
  readonly cosine: boolean;
  readonly scale: number;
}

export interface MultiQueryAttentionOptions {
  readonly dim: number;
  readonly heads: number;
  readonly dimHead: number;
  readonly logits: Logits;
  readonly causal?: boolean;
  readonly rotary?: RotaryEmbedding | undefined;
  readonly relativeBias?: RelativePositionBias | undefined;
}

/**
 * The first tokens of sequences as a causal layer sees them: they are the same whatever follows. There is room for the keys and
 * values of the tokens that follow, which each pass writes.
 */
export interface PastTokens {
  /** Ready for attention: `[batch, length of the sequence, *]`. */
  readonly keys: Tensor;
  /** As `to_kv` gives them: keys and values. */
  readonly values: Tensor;
  /** How many tokens are past. */
  readonly count: number;
  /** For the positions of the tokens that follow. */
  readonly rotary: RotaryTables | undefined;
}

/**
 * Self-attention of the prior and of the U-Nets (`Attention` of DALLE2-pytorch). All query heads read the same keys and
 * values (Shazeer 2019). The first key and value are learned and come before those of the tokens.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L834-L931
 */
export class MultiQueryAttention {
  readonly #path: string;
  readonly #options: MultiQueryAttentionOptions;
  readonly #norm: LayerNorm;
  readonly #toQ: Linear;
  readonly #toKv: Linear;
  readonly #nullKv: Tensor;
  readonly #toOut: Linear;
  readonly #normOut: LayerNorm;

  constructor(weights: Weights, options: MultiQueryAttentionOptions, norms: GainNormOptions) {
    const { dim, heads, dimHead, logits } = options;
    this.#path = weights.path;
    this.#options = options;
    this.#norm = gainNorm(weights.at("norm"), dim, norms);
    this.#toQ = new Linear(weights.at("to_q"), dim, { heads, dimHead }, { bias: false });
    this.#toKv = new Linear(weights.at("to_kv"), dim, { heads: 2, dimHead }, { bias: false });
    this.#nullKv = nullKeyValue(weights, dimHead, { unitKey: logits.cosine });
    this.#toOut = new Linear(weights.at("to_out.0"), { heads, dimHead }, dim, { bias: false });
    this.#normOut = gainNorm(weights.at("to_out.1"), dim, norms);
  }

  /**
   * Computes the keys and values of the first tokens `[batch, length, dim]` of sequences with `more` further tokens, for a
   * causal layer.
   */
  prepare(x: Tensor, more: number): PastTokens {
    const { rotary } = this.#options;
    const count = x.shape[1]!;
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const { keys, values } = this.#keysOf(this.#norm.forward(x), rotary);
        return {
          keys: padTokens(keys, count + more),
          values: padTokens(values, count + more),
          count,
          rotary: rotary && rowsOf(x.arena, rotary, count, count + more),
        };
      }),
    );
  }

  #keysOf(normed: Tensor, rotary: RotaryTables | undefined) {
    const { dimHead, logits } = this.#options;
    const values = this.#toKv.forward(normed);
    return { keys: prepareHeads(values, { dimHead, rotary, l2norm: logits.cosine, heads: 1 }), values };
  }

  /**
   * `[batch, length, dim]` in and out: `attention(norm(x)) + x`. `keyMask` u32 `[batch, length]` hides tokens where it is 0.
   * With `past`, `x` is only what follows; `keyMask` is for the whole sequence.
   */
  forward(x: Tensor, keyMask?: Tensor, past?: PastTokens): Tensor {
    const { heads, dimHead, logits, causal, relativeBias } = this.#options;
    const { rotary } = past ?? this.#options;
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const normed = this.#norm.forward(x);
        const own = this.#keysOf(normed, rotary);
        if (past) {
          writeTokens(past.keys, own.keys, past.count);
          writeTokens(past.values, own.values, past.count);
        }
        const { keys, values } = past ?? own;
        const mixed = attention({
          q: prepareHeads(this.#toQ.forward(normed), { dimHead, rotary, l2norm: logits.cosine, heads }),
          k: keys,
          v: values,
          vOffset: padChannels(dimHead),
          heads,
          kvHeads: 1,
          dimHead,
          scale: logits.scale,
          causal: causal ?? false,
          nullKv: this.#nullKv,
          relativeBias: relativeBias?.table,
          keyMask,
        });
        return this.#normOut.forward(this.#toOut.forward(mixed), { residual: x });
      }),
    );
  }
}

/** The tables for the positions `start` (included) to `end` (excluded), in the arena of the call. */
function rowsOf(arena: TensorArena, { cos, sin, pairs }: RotaryTables, start: number, end: number): RotaryTables {
  const rows = (table: Tensor): Tensor =>
    sliceTokens(arena.share(table).reshape([1, ...table.shape]), start, end).reshape([end - start, table.channels]);
  return { cos: rows(cos), sin: rows(sin), ...(pairs && { pairs }) };
}
