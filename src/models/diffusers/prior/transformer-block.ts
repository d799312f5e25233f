import { inModule } from "../../../nn/in-module.js";
import { LayerNorm } from "../../../nn/layer-norm.js";
import { Linear } from "../../../nn/linear.js";
import { attention } from "../../../ops/attention.js";
import { padTokens, writeTokens } from "../../../ops/layout.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";

/**
 * The first tokens of sequences as a causal block sees them: they are the same whatever follows. There is room for the keys and
 * values of the tokens that follow, which each pass writes. `[batch, length of the sequence, dim]`
 */
export interface PastTokens {
  readonly keys: Tensor;
  readonly values: Tensor;
  /** How many tokens are past. */
  readonly count: number;
}

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

  /** Computes the keys and values of the first tokens `[batch, length, dim]` of sequences with `more` further tokens. */
  prepare(x: Tensor, more: number): PastTokens {
    const count = x.shape[1]!;
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const { keys, values } = this.#keysOf(this.#norm1.forward(x));
        return { keys: padTokens(keys, count + more), values: padTokens(values, count + more), count };
      }),
    );
  }

  #keysOf(normed: Tensor) {
    return { keys: this.#toK.forward(normed), values: this.#toV.forward(normed) };
  }

  /**
   * `[batch, length, dim]` in and out. With `keyMask`, u32 `[batch, length]`, attention is causal, and tokens are hidden where
   * the mask is 0. Without it every token sees all others. With `past`, `x` is only what follows; `keyMask` is for the whole
   * sequence.
   */
  forward(x: Tensor, keyMask: Tensor | undefined, past?: PastTokens): Tensor {
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const attended = this.#attend(x, keyMask, past);
        const hidden = this.#expand.forward(this.#norm3.forward(attended), { activation: "gelu" });
        return this.#contract.forward(hidden, { residual: attended });
      }),
    );
  }

  #attend(x: Tensor, keyMask: Tensor | undefined, past: PastTokens | undefined): Tensor {
    return x.arena.scope(() => {
      const { heads, dimHead } = this.#heads;
      const normed = this.#norm1.forward(x);
      const own = this.#keysOf(normed);
      if (past) {
        writeTokens(past.keys, own.keys, past.count);
        writeTokens(past.values, own.values, past.count);
      }
      const { keys, values } = past ?? own;
      const mixed = attention({
        q: this.#toQ.forward(normed),
        k: keys,
        v: values,
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
