// How a U-Net halves and doubles the resolution.
import { Conv2d } from "../../../nn/conv2d.js";
import { inModule } from "../../../nn/in-module.js";
import { resizeNearest } from "../../../ops/resize.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { ResnetBlock, type DeclaredUnet } from "./resnet-block.js";

/** By residual blocks that also change the resolution, or by one convolution. */
export type ResamplingForm = "residual" | "convolution";

/** A U-Net whose layers are being declared, and how it changes the resolution. */
export interface ResampledUnet extends DeclaredUnet {
  readonly resampling: ResamplingForm;
}

export interface Downsample {
  /** `[B, H, W, width]` to half the size. A convolution rounds up. */
  forward(x: Tensor, modulations: Tensor): Tensor;
}

export interface Upsample {
  /** `[B, h, w, width]` to `[B, H, W, width]`: twice the size, or one pixel less for a convolution. */
  forward(x: Tensor, modulations: Tensor, size: readonly [height: number, width: number]): Tensor;
}

/** @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/downsampling.py#L67-L147 */
export function declareDownsample(weights: Weights, width: number, unet: ResampledUnet): Downsample {
  if (unet.resampling === "residual") return new ResnetBlock(weights, width, width, unet, "down");
  const conv = new Conv2d(weights.at("conv"), width, width, 3, { stride: 2, padding: 1 });
  return { forward: (x) => inModule(x.arena, weights.path, () => conv.forward(x)) };
}

/** @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/upsampling.py#L74-L190 */
export function declareUpsample(weights: Weights, width: number, unet: ResampledUnet): Upsample {
  if (unet.resampling === "residual") return new ResnetBlock(weights, width, width, unet, "up");
  const conv = new Conv2d(weights.at("conv"), width, width, 3, { padding: 1 });
  // The nearest pixels of a size that is one less than twice as large are those of twice the size, without the last.
  return {
    forward: (x, _, size) =>
      inModule(x.arena, weights.path, () => x.arena.scope(() => conv.forward(resizeNearest(x, size)))),
  };
}
