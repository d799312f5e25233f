import { Conv2d } from "../../../nn/conv2d.js";
import { concatChannels } from "../../../ops/layout.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";

export interface CrossEmbedOptions {
  readonly kernelSizes: readonly number[];
  readonly stride: number;
}

/**
 * Convolutions with several kernel sizes side by side (CrossFormer, Wang et al. 2021). Smaller kernels get more channels.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1797-L1822
 */
export class CrossEmbed {
  readonly #convs: readonly Conv2d[];

  constructor(weights: Weights, dimIn: number, dimOut: number, { kernelSizes, stride }: CrossEmbedOptions) {
    const sizes = [...kernelSizes].sort((a, b) => a - b);
    const dims = splitChannels(dimOut, sizes.length);
    this.#convs = sizes.map((size, i) => {
      const padding = Math.floor((size - stride) / 2);
      return new Conv2d(weights.at("convs", i), dimIn, dims[i]!, size, { stride, padding });
    });
  }

  /** `[B, H, W, dimIn]` to `[B, H / stride, W / stride, dimOut]`. */
  forward(x: Tensor): Tensor {
    return x.arena.scope(() => concatChannels(this.#convs.map((conv) => conv.forward(x))));
  }
}

/** A half, a quarter, … of the channels; the last scale gets the rest. */
function splitChannels(dim: number, scales: number): number[] {
  const dims = Array.from({ length: scales - 1 }, (_, i) => Math.floor(dim / 2 ** (i + 1)));
  return [...dims, dim - dims.reduce((sum, size) => sum + size, 0)];
}
