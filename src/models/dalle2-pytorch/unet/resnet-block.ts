import { inModule } from "../../../nn/in-module.js";
import { Conv2d } from "../../../nn/conv2d.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { Block } from "./block.js";
import type { Conditions, DeclaredUnet, SeenTokens } from "./conditioning.js";
import { CrossAttention } from "./cross-attention.js";
import { applyTo } from "../../../nn/feature-map.js";
import { TIMED_BLOCKS, type TimedBlock } from "./timed-block.js";

export interface ResnetBlockOptions {
  readonly groups: number;
  /** The conditioning tokens to attend to between the two convolutions. Default: none. */
  readonly crossAttend?: SeenTokens | undefined;
  /** Use the time. Default true. */
  readonly timed?: boolean;
}

/**
 * A residual block, modulated by the time condition (DALLE2-pytorch's `ResnetBlock`).
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1622-L1679
 */
export class ResnetBlock {
  readonly #path: string;
  readonly #block1: TimedBlock;
  readonly #crossAttention: CrossAttention | undefined;
  readonly #block2: Block;
  readonly #residual: Conv2d | undefined;

  constructor(
    weights: Weights,
    dimIn: number,
    dimOut: number,
    { groups, crossAttend, timed = true }: ResnetBlockOptions,
    unet: DeclaredUnet,
  ) {
    this.#path = weights.path;
    const { film, names } = unet.block;
    const block = { groups, standardize: unet.resnetWeightStandardization, names };
    this.#block1 = new TIMED_BLOCKS[timed ? film : "none"](weights, dimIn, dimOut, block, unet);
    if (crossAttend) {
      this.#crossAttention = new CrossAttention(weights.at(unet.crossAttention.path), dimOut, crossAttend, unet);
    }
    this.#block2 = new Block(weights.at("block2"), dimOut, dimOut, block);
    this.#residual = dimIn === dimOut ? undefined : new Conv2d(weights.at("res_conv"), dimIn, dimOut, 1);
  }

  /** `[B, H, W, dimIn]` to `[B, H, W, dimOut]`. */
  forward(x: Tensor, { modulations, contexts }: Conditions): Tensor {
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        let h = this.#block1.forward(x, modulations);
        const attend = this.#crossAttention;
        if (attend) h = applyTo(h, (h) => attend.forward(h, contexts));
        const residual = this.#residual;
        h = applyTo(h, (h) => this.#block2.forward(h, residual ? {} : { residual: x }));
        return residual ? residual.forward(x, { residual: h }) : h;
      }),
    );
  }
}
