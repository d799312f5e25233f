import { inModule } from "../../../nn/in-module.js";
import { gainNorm, type GainNormOptions } from "../../../nn/gain-norm.js";
import type { LayerNorm } from "../../../nn/layer-norm.js";
import { Linear } from "../../../nn/linear.js";
import { MultiQueryAttention, type Logits, type PastTokens } from "../../../nn/multi-query-attention.js";
import { RelativePositionBias } from "../../../nn/relative-position-bias.js";
import { RotaryEmbedding } from "../../../nn/rotary-embedding.js";
import { swiglu } from "../../../ops/elementwise.js";
import { sliceTokens } from "../../../ops/layout.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { NetworkDialect } from "../dialect/flags.js";
import { gainNorms, lastPriorNorm } from "../gain-norms.js";
import type { Weights } from "../../../weights/store.js";

export interface CausalTransformerOptions {
  readonly dim: number;
  readonly depth: number;
  readonly heads: number;
  readonly dimHead: number;
  /** Width of the feed-forward's hidden layer, in multiples of `dim`. */
  readonly ffMult: number;
  readonly normIn: boolean;
  readonly normOut: boolean;
  readonly finalProj: boolean;
  /** Norm inside the feed-forward (Shleifer et al. 2021). */
  readonly normformer: boolean;
  readonly rotaryEmb: boolean;
}

/**
 * The prior's transformer (`CausalTransformer` of DALLE2-pytorch): decoder-only, read at its last token.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L933-L979
 */
export class CausalTransformer {
  readonly #path: string;
  readonly #normIn: LayerNorm | undefined;
  readonly #layers: readonly { readonly attention: MultiQueryAttention; readonly feedForward: FeedForward }[];
  readonly #normOut: LayerNorm | undefined;
  readonly #projectOut: Linear | undefined;

  /** `maxLength` is the largest number of tokens in a sequence. */
  constructor(weights: Weights, options: CausalTransformerOptions, maxLength: number, dialect: NetworkDialect) {
    this.#path = weights.path;
    const { dim, depth, heads, dimHead } = options;
    const norms = gainNorms(dialect);
    this.#normIn = options.normIn ? gainNorm(weights.at("init_norm"), dim, norms) : undefined;
    const relativeBias = new RelativePositionBias(weights.at("rel_pos_bias"), heads, maxLength, dialect.relposMult);
    const logits: Logits =
      dialect.priorAttn === "cosine16" ? { cosine: true, scale: 16 } : { cosine: false, scale: dimHead ** -0.5 };
    this.#layers = Array.from({ length: depth }, (_, i) => {
      const layer = weights.at("layers", i);
      const freqs = layer.at(0, "rotary_emb");
      const rotary = options.rotaryEmb ? new RotaryEmbedding(freqs, Math.min(32, dimHead), maxLength) : undefined;
      const attention = { dim, heads, dimHead, logits, causal: true, rotary, relativeBias };
      return {
        attention: new MultiQueryAttention(layer.at(0), attention, norms),
        feedForward: new FeedForward(layer.at(1), options, norms),
      };
    });
    this.#normOut = options.normOut ? gainNorm(weights.at("norm"), dim, lastPriorNorm(dialect)) : undefined;
    this.#projectOut = options.finalProj ? new Linear(weights.at("project_out"), dim, dim, { bias: false }) : undefined;
  }

  /**
   * Computes the first tokens `[batch, length, dim]` of sequences with `more` further tokens: what each layer keeps of them. No
   * later token changes it, because attention is causal. `keyMask` is for these tokens.
   */
  prepare(tokens: Tensor, more: number, keyMask?: Tensor): readonly PastTokens[] {
    return inModule(tokens.arena, this.#path, () =>
      tokens.arena.scope(() => {
        let x = this.#normIn?.forward(tokens) ?? tokens;
        return this.#layers.map(({ attention, feedForward }, i) => {
          const past = attention.prepare(x, more);
          // Nothing reads the output at these tokens.
          if (i < this.#layers.length - 1) x = feedForward.forward(attention.forward(x, keyMask));
          return past;
        });
      }),
    );
  }

  /**
   * From tokens `[batch, length, dim]` to the output at the last one, `[batch, dim]`. `keyMask` u32 `[batch, length]` hides
   * tokens where it is 0. With `past`, `tokens` are only those that follow; `keyMask` is for the whole sequence.
   */
  forward(tokens: Tensor, keyMask?: Tensor, past?: readonly PastTokens[]): Tensor {
    const [batch, length, dim] = tokens.shape as [number, number, number];
    return inModule(tokens.arena, this.#path, () =>
      tokens.arena.scope(() => {
        let x = this.#normIn?.forward(tokens) ?? tokens;
        for (const [i, { attention, feedForward }] of this.#layers.entries()) {
          x = feedForward.forward(attention.forward(x, keyMask, past?.[i]));
        }
        x = sliceTokens(x, length - 1, length).reshape([batch, dim]);
        x = this.#normOut?.forward(x) ?? x;
        return this.#projectOut?.forward(x) ?? x;
      }),
    );
  }
}

/**
 * norm → linear → SwiGLU (Shazeer 2020) → [norm] → linear, beside the residual.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L814-L830
 */
class FeedForward {
  readonly #path: string;
  readonly #norm: LayerNorm;
  readonly #expand: Linear;
  readonly #innerNorm: LayerNorm | undefined;
  readonly #contract: Linear;

  constructor(weights: Weights, { dim, ffMult, normformer }: CausalTransformerOptions, norms: GainNormOptions) {
    this.#path = weights.path;
    const inner = ffMult * dim;
    this.#norm = gainNorm(weights.at(0), dim, norms);
    this.#expand = new Linear(weights.at(1), dim, 2 * inner, { bias: false });
    this.#innerNorm = normformer ? gainNorm(weights.at(3), inner, norms) : undefined;
    this.#contract = new Linear(weights.at(5), inner, dim, { bias: false });
  }

  /** `[batch, length, dim]` in and out. */
  forward(x: Tensor): Tensor {
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const hidden = swiglu(this.#expand.forward(this.#norm.forward(x)));
        return this.#contract.forward(this.#innerNorm?.forward(hidden) ?? hidden, { residual: x });
      }),
    );
  }
}
