import { inModule } from "../../../nn/in-module.js";
import { Conv2d } from "../../../nn/conv2d.js";
import { LayerNorm } from "../../../nn/layer-norm.js";
import { linearAttention } from "../../../ops/linear-attention.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { Architecture } from "./architecture.js";

/**
 * Attention in linear time (Shen et al. 2018), between two layer norms over the channels, with a residual connection
 * (DALLE2-pytorch's `LinearAttention`).
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1752-L1795
 */
export class LinearAttention {
  readonly #path: string;
  readonly #norm: LayerNorm;
  readonly #toQkv: Conv2d;
  readonly #toOut: Conv2d;
  readonly #outNorm: LayerNorm;

  constructor(
    weights: Weights,
    dim: number,
    private readonly unet: Architecture,
  ) {
    const { attnHeads: heads, attnDimHead: dimHead } = unet;
    this.#path = weights.path;
    const layer = weights.at("fn");
    this.#norm = this.#channelNorm(layer.at("norm"), dim);
    this.#toQkv = new Conv2d(layer.at("to_qkv"), dim, { heads: 3 * heads, dimHead }, 1, { bias: false });
    this.#toOut = new Conv2d(layer.at("to_out", 0), { heads, dimHead }, dim, 1, { bias: false });
    this.#outNorm = this.#channelNorm(layer.at("to_out", 1), dim);
  }

  /** `[B, H, W, dim]` to the same. */
  forward(x: Tensor): Tensor {
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const qkv = this.#toQkv.forward(this.#norm.forward(x));
        const attended = linearAttention(qkv, {
          heads: this.unet.attnHeads,
          dimHead: this.unet.attnDimHead,
          variant: this.unet.linearAttention,
        });
        return this.#outNorm.forward(this.#toOut.forward(attended), { residual: x });
      }),
    );
  }

  /** Over the channels of an image. Its gain is `g` in every version. */
  #channelNorm(weights: Weights, dim: number): LayerNorm {
    const { stable } = this.unet.norms;
    return new LayerNorm(weights, dim, { parameters: { gain: "g" }, stable, torchShape: [1, dim, 1, 1] });
  }
}
