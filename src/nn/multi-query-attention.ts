import { inModule } from "./in-module.js";
import { attention, prepareHeads } from "../ops/attention.js";
import { padChannels } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Weights } from "../weights/store.js";
import { gainNorm, type GainNormOptions } from "./gain-norm.js";
import type { LayerNorm } from "./layer-norm.js";
import { Linear } from "./linear.js";
import { nullKeyValue } from "./null-key-value.js";
import type { RelativePositionBias } from "./relative-position-bias.js";
import type { RotaryEmbedding } from "./rotary-embedding.js";

/** What is put through the softmax: `scale` times the dot product of query and key, or times their cosine. */
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
 * Self-attention of the prior and of the U-Nets (`Attention` of DALLE2-pytorch): every query head reads the same keys and
 * values (Shazeer 2019), of which the first are learned and stand before all tokens.
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

  /** `[batch, length, dim]` in and out: `attention(norm(x)) + x`. `keyMask` u32 `[batch, length]` hides tokens where it is 0. */
  forward(x: Tensor, keyMask?: Tensor): Tensor {
    const { heads, dimHead, logits, causal, rotary, relativeBias } = this.#options;
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const normed = this.#norm.forward(x);
        const kv = this.#toKv.forward(normed);
        const prepared = { dimHead, rotary, l2norm: logits.cosine };
        const mixed = attention({
          q: prepareHeads(this.#toQ.forward(normed), { ...prepared, heads }),
          k: prepareHeads(kv, { ...prepared, heads: 1 }),
          v: kv,
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
