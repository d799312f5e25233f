import { GroupNorm } from "../../../nn/group-norm.js";
import { inModule } from "../../../nn/in-module.js";
import { Linear } from "../../../nn/linear.js";
import { attention } from "../../../ops/attention.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { asTokens } from "../../../nn/feature-map.js";

export interface SelfAttentionOptions {
  readonly width: number;
  readonly dimHead: number;
  /** Groups of the norm before it; undefined: there is no norm. */
  readonly groups?: number | undefined;
  /** Of that norm. Default: 1e-5. */
  readonly eps?: number | undefined;
}

/** Names of the projections, and those of checkpoints from before diffusers 0.18. */
const NAMES = { q: "to_q", k: "to_k", v: "to_v", out: "to_out.0" } as const;
const OLD_NAMES = { q: "query", k: "key", v: "value", out: "proj_attn" } as const;

/**
 * Attention among all pixels, with a residual connection (`Attention` of diffusers with `AttnProcessor`, before that
 * `AttentionBlock`).
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/attention_processor.py#L1103-L1172
 */
export class SelfAttention {
  readonly #path: string;
  readonly #heads: { readonly heads: number; readonly dimHead: number };
  readonly #norm: GroupNorm | undefined;
  readonly #toQ: Linear;
  readonly #toK: Linear;
  readonly #toV: Linear;
  readonly #toOut: Linear;

  constructor(weights: Weights, { width, dimHead, groups, eps = 1e-5 }: SelfAttentionOptions) {
    const heads = { heads: Math.floor(width / dimHead), dimHead };
    const names = !weights.has("to_q.weight") && weights.has("query.weight") ? OLD_NAMES : NAMES;
    this.#path = weights.path;
    this.#heads = heads;
    this.#norm = groups === undefined ? undefined : new GroupNorm(weights.at("group_norm"), groups, width, { eps });
    this.#toQ = new Linear(weights.at(names.q), width, heads);
    this.#toK = new Linear(weights.at(names.k), width, heads);
    this.#toV = new Linear(weights.at(names.v), width, heads);
    this.#toOut = new Linear(weights.at(names.out), heads, width);
  }

  /** `[B, H, W, width]` in and out. `normedInput` is x behind a norm of the caller's, if it has none of its own. */
  forward(x: Tensor, normedInput?: Tensor): Tensor {
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const pixels = asTokens(x);
        const normed = normedInput ? asTokens(normedInput) : (this.#norm?.forward(pixels) ?? pixels);
        const { heads, dimHead } = this.#heads;
        const mixed = attention({
          q: this.#toQ.forward(normed),
          k: this.#toK.forward(normed),
          v: this.#toV.forward(normed),
          heads,
          kvHeads: heads,
          dimHead,
          scale: dimHead ** -0.5,
        });
        return this.#toOut.forward(mixed, { residual: pixels }).reshape(x.shape);
      }),
    );
  }
}
