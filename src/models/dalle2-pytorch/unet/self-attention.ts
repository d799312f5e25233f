import { MultiQueryAttention } from "../../../nn/multi-query-attention.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { Architecture } from "./architecture.js";
import { asTokens } from "../../../nn/feature-map.js";

/**
 * Attention among all positions of a feature map, with a residual connection.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L672-L685
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L834-L931
 */
export class SelfAttention {
  readonly #attention: MultiQueryAttention;

  constructor(weights: Weights, dim: number, { attnHeads, attnDimHead, selfAttention, norms }: Architecture) {
    // Below the reference's wrappers for the residual and for the layout.
    const place = weights.at("fn.fn");
    const options = { dim, heads: attnHeads, dimHead: attnDimHead, logits: selfAttention };
    this.#attention = new MultiQueryAttention(place, options, norms);
  }

  /** `[B, H, W, dim]` in and out. */
  forward(x: Tensor): Tensor {
    return x.arena.scope(() => this.#attention.forward(asTokens(x)).reshape(x.shape));
  }
}
