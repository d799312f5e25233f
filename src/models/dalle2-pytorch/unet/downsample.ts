import { Conv2d } from "../../../nn/conv2d.js";
import { pixelUnshuffle } from "../../../ops/shuffle.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { Architecture } from "./architecture.js";
import { CrossEmbed } from "./cross-embed.js";

/** A layer from one feature map to another. */
export interface Layer {
  forward(x: Tensor): Tensor;
}

/** Halves height and width, `[B, H, W, dimIn]` to `[B, H/2, W/2, dimOut]`, as the U-Net's options say. */
export function downsample(weights: Weights, dimIn: number, dimOut: number, unet: Architecture): Layer {
  switch (unet.downsample) {
    case "unshuffle":
      return new UnshuffleDownsample(weights, dimIn, dimOut);
    case "strided":
      return new Conv2d(weights, dimIn, dimOut, 4, { stride: 2, padding: 1 });
    case "crossEmbed":
      return new CrossEmbed(weights, dimIn, dimOut, { kernelSizes: unet.crossEmbedDownsampleKernelSizes, stride: 2 });
  }
}

/**
 * Moves each 2×2 patch into channels and mixes them (SPD-Conv, Sunkara & Luo 2022).
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1552-L1559
 */
class UnshuffleDownsample {
  readonly #conv: Conv2d;

  constructor(weights: Weights, dimIn: number, dimOut: number) {
    this.#conv = new Conv2d(weights.at(1), 4 * dimIn, dimOut, 1);
  }

  forward(x: Tensor): Tensor {
    return x.arena.scope(() => this.#conv.forward(pixelUnshuffle(x)));
  }
}
