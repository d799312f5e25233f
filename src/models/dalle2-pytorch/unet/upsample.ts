import { Conv2d } from "../../../nn/conv2d.js";
import { ConvTranspose2d } from "../../../nn/conv-transpose2d.js";
import { resizeNearest } from "../../../ops/resize.js";
import { pixelShuffle } from "../../../ops/shuffle.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { Architecture } from "./architecture.js";
import type { Layer } from "./downsample.js";

/** Doubles height and width, `[B, H, W, dimIn]` to `[B, 2H, 2W, dimOut]`, as the U-Net's options say. */
export function upsample(weights: Weights, dimIn: number, dimOut: number, unet: Architecture): Layer {
  switch (unet.upsample) {
    case "pixelShuffle":
      return new PixelShuffleUpsample(weights, dimIn, dimOut);
    case "nearest":
      return new NearestUpsample(weights, dimIn, dimOut);
    case "transposed":
      return new ConvTranspose2d(weights, dimIn, dimOut);
  }
}

/**
 * Computes the four pixels of each patch as channels, then rearranges them (Shi et al. 2016).
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1522-L1550
 */
class PixelShuffleUpsample {
  readonly #conv: Conv2d;

  constructor(weights: Weights, dimIn: number, dimOut: number) {
    this.#conv = new Conv2d(weights.at("net", 0), dimIn, 4 * dimOut, 1);
  }

  forward(x: Tensor): Tensor {
    return x.arena.scope(() => pixelShuffle(this.#conv.forward(x, { activation: "silu" })));
  }
}

/**
 * Repeats each pixel and smooths the result with a 3×3 convolution.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1514-L1520
 */
class NearestUpsample {
  readonly #conv: Conv2d;

  constructor(weights: Weights, dimIn: number, dimOut: number) {
    this.#conv = new Conv2d(weights.at(1), dimIn, dimOut, 3, { padding: 1 });
  }

  forward(x: Tensor): Tensor {
    const [, height, width] = x.shape as [number, number, number, number];
    return x.arena.scope(() => this.#conv.forward(resizeNearest(x, [2 * height, 2 * width])));
  }
}
