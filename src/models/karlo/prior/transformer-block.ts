import { inModule } from "../../../nn/in-module.js";
import { LayerNorm } from "../../../nn/layer-norm.js";
import { Linear } from "../../../nn/linear.js";
import { attention } from "../../../ops/attention.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";

/**
 * A block of the prior's transformer: self-attention and a feed-forward, both behind a layer norm (`BasicTransformerBlock` of
 * diffusers, without cross-attention).
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/attention.py#L752-L1080
 */
export class TransformerBlock {
  readonly #path: string;
  readonly #heads: { readonly heads: number; readonly dimHead: number };
  readonly #norm1: LayerNorm;
  readonly #toQ: Linear;
  readonly #toK: Linear;
  readonly #toV: Linear;
  readonly #toOut: Linear;
  readonly #norm3: LayerNorm;
  readonly #expand: Linear;
  readonly #contract: Linear;

  constructor(weights: Weights, heads: number, dimHead: number) {
    const dim = heads * dimHead;
    const split = { heads, dimHead };
    const attention = weights.at("attn1");
    const feedForward = weights.at("ff.net");
    this.#path = weights.path;
    this.#heads = split;
    this.#norm1 = new LayerNorm(weights.at("norm1"), dim);
    this.#toQ = new Linear(attention.at("to_q"), dim, split);
    this.#toK = new Linear(attention.at("to_k"), dim, split);
    this.#toV = new Linear(attention.at("to_v"), dim, split);
    this.#toOut = new Linear(attention.at("to_out", 0), split, dim);
    this.#norm3 = new LayerNorm(weights.at("norm3"), dim);
    this.#expand = new Linear(feedForward.at(0, "proj"), dim, 4 * dim);
    this.#contract = new Linear(feedForward.at(2), 4 * dim, dim);
  }

  /**
   * `[batch, length, dim]` in and out. With `keyMask`, u32 `[batch, length]`, attention is causal, and tokens are hidden where
   * the mask is 0. Without it every token sees all others.
   */
  forward(x: Tensor, keyMask: Tensor | undefined): Tensor {
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const attended = this.#attend(x, keyMask);
        const hidden = this.#expand.forward(this.#norm3.forward(attended), { activation: "gelu" });
        return this.#contract.forward(hidden, { residual: attended });
      }),
    );
  }

  #attend(x: Tensor, keyMask: Tensor | undefined): Tensor {
    return x.arena.scope(() => {
      const { heads, dimHead } = this.#heads;
      const normed = this.#norm1.forward(x);
      const mixed = attention({
        q: this.#toQ.forward(normed),
        k: this.#toK.forward(normed),
        v: this.#toV.forward(normed),
        heads,
        kvHeads: heads,
        dimHead,
        scale: dimHead ** -0.5,
        causal: keyMask !== undefined,
        keyMask,
      });
      return this.#toOut.forward(mixed, { residual: x });
    });
  }
}
