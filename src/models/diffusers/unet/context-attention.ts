import { GroupNorm } from "../../../nn/group-norm.js";
import { inModule } from "../../../nn/in-module.js";
import { Linear } from "../../../nn/linear.js";
import { attention } from "../../../ops/attention.js";
import { concatTokens } from "../../../ops/layout.js";
import { visibleTokens } from "../../../ops/select.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { asTokens } from "../../../nn/feature-map.js";
import type { ContextKeys, ContextLayer, ContextMask } from "./context-unet.js";

export interface ContextAttentionOptions {
  readonly width: number;
  readonly dimHead: number;
  readonly contextDim: number;
  readonly groups: number;
  /** Whether pixels attend to the context alone, not to each other. */
  readonly contextOnly: boolean;
}

/**
 * Attention of a feature map to the context and to itself, with a residual connection (`Attention` of diffusers with
 * `AttnAddedKVProcessor`). The reference hides a token by adding -10000 to its score, which makes its weight exactly 0 in f32.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/attention_processor.py#L1279-L1343
 */
export class ContextAttention implements ContextLayer {
  readonly #path: string;
  readonly #heads: { readonly heads: number; readonly dimHead: number };
  readonly #norm: GroupNorm;
  readonly #toQ: Linear;
  readonly #own: { readonly toK: Linear; readonly toV: Linear } | undefined;
  readonly #contextToK: Linear;
  readonly #contextToV: Linear;
  readonly #toOut: Linear;

  constructor(weights: Weights, options: ContextAttentionOptions) {
    const { width, dimHead, contextDim, groups, contextOnly } = options;
    const heads = { heads: Math.floor(width / dimHead), dimHead };
    this.#path = weights.path;
    this.#heads = heads;
    this.#norm = new GroupNorm(weights.at("group_norm"), groups, width);
    this.#toQ = new Linear(weights.at("to_q"), width, heads);
    if (!contextOnly) {
      this.#own = {
        toK: new Linear(weights.at("to_k"), width, heads),
        toV: new Linear(weights.at("to_v"), width, heads),
      };
    }
    this.#contextToK = new Linear(weights.at("add_k_proj"), contextDim, heads);
    this.#contextToV = new Linear(weights.at("add_v_proj"), contextDim, heads);
    this.#toOut = new Linear(weights.at("to_out", 0), heads, width);
  }

  /** Computes what the context `[batch, length, contextDim]` gives. */
  prepare(context: Tensor): readonly [ContextKeys] {
    return inModule(context.arena, this.#path, () => [
      { keys: this.#contextToK.forward(context), values: this.#contextToV.forward(context) },
    ]);
  }

  /** `[B, H, W, width]` in and out. */
  forward(x: Tensor, [context]: readonly [ContextKeys], mask: ContextMask | undefined): Tensor {
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const pixels = asTokens(x);
        const mixed = x.arena.scope(() => this.#attend(this.#norm.forward(pixels), context, mask));
        return this.#toOut.forward(mixed, { residual: pixels }).reshape(x.shape);
      }),
    );
  }

  #attend(x: Tensor, { keys, values }: ContextKeys, mask: ContextMask | undefined): Tensor {
    const { heads, dimHead } = this.#heads;
    const own = this.#own;
    const k = own ? concatTokens([keys, own.toK.forward(x)]) : keys;
    const v = own ? concatTokens([values, own.toV.forward(x)]) : values;
    return attention({
      q: this.#toQ.forward(x),
      k,
      v,
      heads,
      kvHeads: heads,
      dimHead,
      scale: dimHead ** -0.5,
      keyMask: mask && (own ? withPixels(mask, k.shape[1]!) : mask.alone),
    });
  }
}

/** The mask of the context, followed by pixels, which are all visible. */
function withPixels({ keep, tokens }: ContextMask, length: number): Tensor {
  return visibleTokens({ keepMask: keep, optional: 0, mask: tokens, length });
}
