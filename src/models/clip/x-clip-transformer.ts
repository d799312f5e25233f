import { inModule } from "../../nn/in-module.js";
import { LayerNorm, type LayerNormParameters } from "../../nn/layer-norm.js";
import { Linear } from "../../nn/linear.js";
import type { RotaryEmbedding } from "../../nn/rotary-embedding.js";
import { attention, prepareHeads } from "../../ops/attention.js";
import { geglu } from "../../ops/elementwise.js";
import { padChannels } from "../../tensor/dtype.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";

/** Factor of the cosines in x-clip 0.10. */
const COSINE_SCALE = 10;

export interface XClipTransformerOptions {
  readonly dim: number;
  readonly depth: number;
  readonly heads: number;
  readonly dimHead: number;
  /** Names of the gains: `g`, or before 0.8 `gamma` with a buffer `beta`. */
  readonly normParameters: NonNullable<LayerNormParameters["parameters"]>;
  /** Attention by cosines, as in 0.10. */
  readonly cosine: boolean;
  readonly rotary?: RotaryEmbedding | undefined;
}

/**
 * The transformer of x-clip's text and image encoders (x-clip 0.7 to 0.14, `Transformer`).
 * @see https://github.com/lucidrains/x-clip/blob/0c72f6efaf9f748a02b18c1593fc65809164aaf9/x_clip/x_clip.py#L247-L291
 */
export class XClipTransformer {
  readonly #normIn: LayerNorm;
  readonly #blocks: readonly Block[];
  readonly #normOut: LayerNorm;

  constructor(weights: Weights, options: XClipTransformerOptions) {
    const { dim, depth, normParameters: parameters } = options;
    this.#normIn = new LayerNorm(weights.at("norm_in"), dim, { parameters });
    this.#blocks = Array.from({ length: depth }, (_, i) => new Block(weights.at("layers", i), options));
    this.#normOut = new LayerNorm(weights.at("norm_out"), dim, { parameters });
  }

  /** Tokens `[batch, length, dim]` in and out. */
  forward(x: Tensor): Tensor {
    return x.arena.scope(() =>
      this.#normOut.forward(this.#blocks.reduce((tokens, block) => block.forward(tokens), this.#normIn.forward(x))),
    );
  }
}

class Block {
  readonly #path: string;
  readonly #attention: SelfAttention;
  readonly #norm: LayerNorm;
  readonly #expand: Linear;
  readonly #normHidden: LayerNorm;
  readonly #contract: Linear;

  constructor(weights: Weights, options: XClipTransformerOptions) {
    this.#path = weights.path;
    const { dim, normParameters: parameters } = options;
    const hidden = 4 * dim;
    this.#attention = new SelfAttention(weights.at(0), options);
    this.#norm = new LayerNorm(weights.at(1, "norm"), dim, { parameters });
    const net = weights.at(1, "fn.net");
    this.#expand = new Linear(net.at(0), dim, 2 * hidden, { bias: false });
    this.#normHidden = new LayerNorm(net.at(2), hidden, { parameters });
    this.#contract = new Linear(net.at(4), hidden, dim, { bias: false });
  }

  forward(x: Tensor): Tensor {
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const h = this.#attention.forward(x);
        const hidden = geglu(this.#expand.forward(this.#norm.forward(h)));
        return this.#contract.forward(this.#normHidden.forward(hidden), { residual: h });
      }),
    );
  }
}

/** @see https://github.com/lucidrains/x-clip/blob/0c72f6efaf9f748a02b18c1593fc65809164aaf9/x_clip/x_clip.py#L201-L245 */
class SelfAttention {
  readonly #path: string;
  readonly #options: XClipTransformerOptions;
  readonly #norm: LayerNorm;
  readonly #toQkv: Linear;
  readonly #toOut: Linear;
  readonly #normOut: LayerNorm;

  constructor(weights: Weights, options: XClipTransformerOptions) {
    this.#path = weights.path;
    const { dim, heads, dimHead, normParameters: parameters } = options;
    this.#options = options;
    this.#norm = new LayerNorm(weights.at("norm"), dim, { parameters });
    this.#toQkv = new Linear(weights.at("fn.to_qkv"), dim, { heads: 3 * heads, dimHead }, { bias: false });
    this.#toOut = new Linear(weights.at("fn.to_out.0"), { heads, dimHead }, dim, { bias: false });
    this.#normOut = new LayerNorm(weights.at("fn.to_out.1"), dim, { parameters });
  }

  /** `attention(norm(x)) + x` */
  forward(x: Tensor): Tensor {
    const { heads, dimHead, cosine, rotary } = this.#options;
    const inner = heads * padChannels(dimHead);
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const qkv = this.#toQkv.forward(this.#norm.forward(x));
        // Values are rotated too.
        const [q, k, v] = [0, 1, 2].map((part) => {
          const l2norm = cosine && part < 2;
          return prepareHeads(qkv, { offset: part * inner, heads, dimHead, rotary, l2norm });
        }) as [Tensor, Tensor, Tensor];
        const scale = cosine ? COSINE_SCALE : dimHead ** -0.5;
        const mixed = attention({ q, k, v, heads, kvHeads: heads, dimHead, scale });
        return this.#normOut.forward(this.#toOut.forward(mixed), { residual: x });
      }),
    );
  }
}
