import { inModule } from "../../nn/in-module.js";
import { LayerNorm } from "../../nn/layer-norm.js";
import { Linear } from "../../nn/linear.js";
import { RotaryEmbedding } from "../../nn/rotary-embedding.js";
import { attention, prepareHeads } from "../../ops/attention.js";
import { swiglu } from "../../ops/elementwise.js";
import { concatTokens, sliceChannels, sliceTokens } from "../../ops/layout.js";
import { padChannels } from "../../tensor/dtype.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";

interface HeadOptions {
  readonly dim: number;
  readonly heads: number;
  readonly dimHead: number;
}

/**
 * CoCa-pytorch's `LayerNorm`: a gain, and a buffer of zeros for the bias.
 * @see https://github.com/lucidrains/CoCa-pytorch/blob/fcd186c1ec690be3642a9ac531a681331851ed0e/coca_pytorch/coca_pytorch.py#L70-L77
 */
export function cocaNorm(weights: Weights, dim: number): LayerNorm {
  return new LayerNorm(weights, dim, { parameters: { gain: "gamma", bias: "beta" } });
}

export interface ParallelBlockOptions extends HeadOptions {
  readonly ffMult: number;
  /** Most tokens, with the class token. */
  readonly length: number;
}

/**
 * A layer of CoCa's text encoder (Yu et al. 2022; CoCa-pytorch's `ParallelTransformerBlock`): causal multi-query attention
 * beside a SwiGLU feed-forward layer, both from one projection. The last token is a class token, which sees only text.
 * @see https://github.com/lucidrains/CoCa-pytorch/blob/fcd186c1ec690be3642a9ac531a681331851ed0e/coca_pytorch/coca_pytorch.py#L142-L246
 */
export class ParallelBlock {
  readonly #path: string;
  readonly #options: ParallelBlockOptions;
  readonly #norm: LayerNorm;
  readonly #rotary: RotaryEmbedding;
  readonly #project: Linear;
  readonly #attentionOut: Linear;
  readonly #feedForwardOut: Linear;

  constructor(weights: Weights, options: ParallelBlockOptions) {
    this.#path = weights.path;
    const { dim, heads, dimHead, ffMult, length } = options;
    const hidden = ffMult * dim;
    this.#options = options;
    this.#norm = cocaNorm(weights.at("norm"), dim);
    this.#rotary = new RotaryEmbedding(weights.at("rotary_emb"), dimHead, length, {
      name: "inv_freq",
      pairs: "halves",
    });
    // Queries, one key, one value, and the input of the feed-forward layer's gate.
    const projected = { heads: heads + 2, dimHead, rest: 2 * hidden };
    this.#project = new Linear(weights.at("fused_attn_ff_proj"), dim, projected, { bias: false });
    this.#attentionOut = new Linear(weights.at("attn_out"), { heads, dimHead }, dim, { bias: false });
    this.#feedForwardOut = new Linear(weights.at("ff_out.1"), hidden, dim, { bias: false });
  }

  /** `[batch, length, dim]` in and out. `isText` u32 `[batch, length]` is 0 for tokens that the class token does not see. */
  forward(x: Tensor, isText: Tensor): Tensor {
    const { heads, dimHead } = this.#options;
    const start = (heads + 2) * padChannels(dimHead);
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const projected = this.#project.forward(this.#norm.forward(x));
        const attended = this.#attentionOut.forward(this.#attend(projected, isText), { residual: x });
        const gated = swiglu(sliceChannels(projected, start, projected.channels));
        return this.#feedForwardOut.forward(gated, { residual: attended });
      }),
    );
  }

  #attend(projected: Tensor, isText: Tensor): Tensor {
    const { heads, dimHead } = this.#options;
    const paddedHead = padChannels(dimHead);
    const inner = heads * paddedHead;
    const last = projected.shape[1]! - 1;
    const q = prepareHeads(projected, { heads, dimHead, rotary: this.#rotary });
    const shared = {
      k: prepareHeads(projected, { offset: inner, heads: 1, dimHead, rotary: this.#rotary }),
      v: projected,
      vOffset: inner + paddedHead,
      heads,
      kvHeads: 1,
      dimHead,
      scale: dimHead ** -0.5,
    };
    const causal = attention({ ...shared, q, causal: true });
    const ofClass = attention({ ...shared, q: sliceTokens(q, last, last + 1), keyMask: isText });
    return concatTokens([sliceTokens(causal, 0, last), ofClass]);
  }
}

export interface AttentionPoolingOptions extends HeadOptions {
  /** Width of the pooled tokens. */
  readonly contextDim: number;
}

/**
 * CoCa's pooling of image tokens: multi-query attention from queries to the tokens (CoCa-pytorch's `CrossAttention`).
 * @see https://github.com/lucidrains/CoCa-pytorch/blob/fcd186c1ec690be3642a9ac531a681331851ed0e/coca_pytorch/coca_pytorch.py#L250-L335
 */
export class AttentionPooling {
  readonly #path: string;
  readonly #options: AttentionPoolingOptions;
  readonly #norm: LayerNorm;
  readonly #contextNorm: LayerNorm;
  readonly #toQ: Linear;
  readonly #toKv: Linear;
  readonly #toOut: Linear;

  constructor(weights: Weights, options: AttentionPoolingOptions) {
    this.#path = weights.path;
    const { dim, contextDim, heads, dimHead } = options;
    this.#options = options;
    this.#norm = cocaNorm(weights.at("norm"), dim);
    this.#contextNorm = cocaNorm(weights.at("context_norm"), contextDim);
    this.#toQ = new Linear(weights.at("to_q"), dim, { heads, dimHead }, { bias: false });
    this.#toKv = new Linear(weights.at("to_kv"), contextDim, { heads: 2, dimHead }, { bias: false });
    this.#toOut = new Linear(weights.at("to_out"), { heads, dimHead }, dim, { bias: false });
  }

  /** Queries `[batch, n, dim]` and context `[batch, length, contextDim]` to `[batch, n, dim]`. */
  forward(queries: Tensor, context: Tensor): Tensor {
    const { heads, dimHead } = this.#options;
    return inModule(queries.arena, this.#path, () =>
      queries.arena.scope(() => {
        const q = this.#toQ.forward(this.#norm.forward(queries));
        const kv = this.#toKv.forward(this.#contextNorm.forward(context));
        const [k, v] = [kv, kv];
        const scale = dimHead ** -0.5;
        return this.#toOut.forward(
          attention({ q, k, v, vOffset: padChannels(dimHead), heads, kvHeads: 1, dimHead, scale }),
        );
      }),
    );
  }
}
