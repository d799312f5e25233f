import { inModule } from "../../../nn/in-module.js";
import { gainNorm } from "../../../nn/gain-norm.js";
import type { LayerNorm } from "../../../nn/layer-norm.js";
import { Linear } from "../../../nn/linear.js";
import type { Logits } from "../../../nn/multi-query-attention.js";
import { nullKeyValue } from "../../../nn/null-key-value.js";
import { attention, prepareHeads } from "../../../ops/attention.js";
import { concatChannels, sliceChannels } from "../../../ops/layout.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { CROSS_DIM_HEAD as DIM_HEAD } from "./architecture.js";
import type { Conditions, DeclaredUnet, SeenTokens } from "./conditioning.js";
import { asTokens } from "../../../nn/feature-map.js";

/** The reference has no option for the number of heads. */
const HEADS = 8;
const INNER = HEADS * DIM_HEAD;
const UNIT_HEADS = { heads: HEADS, dimHead: DIM_HEAD, l2norm: true };

/**
 * Attention of a feature map to the conditioning tokens and to a learned null key and value that all heads share
 * (DALLE2-pytorch's `CrossAttention`).
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1681-L1750
 */
export class CrossAttention {
  readonly #path: string;
  readonly #logits: Logits;
  readonly #norm: LayerNorm;
  readonly #toQ: Linear;
  readonly #sees: SeenTokens;
  readonly #start: number;
  readonly #nullKv: Tensor;
  readonly #toOut: Linear;
  readonly #normOut: LayerNorm;

  constructor(weights: Weights, dim: number, sees: SeenTokens, unet: DeclaredUnet) {
    const { condDim, norms, layers } = unet;
    const { logits } = unet.crossAttention;
    this.#path = weights.path;
    this.#logits = logits;
    this.#norm = gainNorm(weights.at("norm"), dim, norms);
    this.#toQ = new Linear(weights.at("to_q"), dim, INNER, { bias: false });
    this.#sees = sees;
    this.#start = layers.contexts[sees].add(new KeysAndValues(weights, condDim, logits.cosine), 2 * INNER);
    this.#nullKv = nullKeyValue(weights, DIM_HEAD, { unitKey: logits.cosine });
    this.#toOut = new Linear(weights.at("to_out", 0), INNER, dim, { bias: false });
    this.#normOut = gainNorm(weights.at("to_out", 1), dim, norms);
  }

  /** `[B, H, W, dim]` in and out: `attention(norm(x), tokens) + x`. `contexts` are the keys and values of all cross-attentions. */
  forward(x: Tensor, contexts: Conditions["contexts"]): Tensor {
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const positions = asTokens(x);
        const mixed = this.#attend(positions, contexts[this.#sees]!);
        return this.#normOut.forward(this.#toOut.forward(mixed), { residual: positions }).reshape(x.shape);
      }),
    );
  }

  #attend(x: Tensor, context: Tensor): Tensor {
    return x.arena.scope(() => {
      const { cosine, scale } = this.#logits;
      const q = this.#toQ.forward(this.#norm.forward(x));
      return attention({
        q: cosine ? prepareHeads(q, UNIT_HEADS) : q,
        k: context,
        v: context,
        kOffset: this.#start,
        vOffset: this.#start + INNER,
        heads: HEADS,
        kvHeads: HEADS,
        dimHead: DIM_HEAD,
        scale,
        nullKv: this.#nullKv,
      });
    });
  }
}

/** Keys and values of the conditioning tokens, side by side and ready for attention. */
class KeysAndValues {
  readonly #toKv: Linear;

  constructor(
    weights: Weights,
    condDim: number,
    private readonly cosine: boolean,
  ) {
    this.#toKv = new Linear(weights.at("to_kv"), condDim, 2 * INNER, { bias: false });
  }

  /** `[n, L, condDim]` to `[n, L, 2 · INNER]`. */
  forward(tokens: Tensor): Tensor {
    return tokens.arena.scope(() => {
      const kv = this.#toKv.forward(tokens);
      if (!this.cosine) return kv;
      return concatChannels([prepareHeads(kv, UNIT_HEADS), sliceChannels(kv, INNER, 2 * INNER)]);
    });
  }
}
