import { Conv2d } from "../../../nn/conv2d.js";
import { GroupNorm } from "../../../nn/group-norm.js";
import { inModule } from "../../../nn/in-module.js";
import type { JoinedLayers } from "../../../nn/joined-layers.js";
import { Linear } from "../../../nn/linear.js";
import { add } from "../../../ops/elementwise.js";
import { sliceChannels } from "../../../ops/layout.js";
import { averagePool } from "../../../ops/pool.js";
import { resizeNearest } from "../../../ops/resize.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { UnetOptions } from "../config/unet-config.js";
import { applyTo } from "../../../nn/feature-map.js";

/** How a residual block changes the resolution. */
export type Resampling = "down" | "up";

const RESAMPLE: Readonly<Record<Resampling, (x: Tensor) => Tensor>> = {
  down: (x) => averagePool(x, [2, 2]),
  up: (x) => {
    const [, height = 0, width = 0] = x.shape;
    return resizeNearest(x, [2 * height, 2 * width]);
  },
};

/** A U-Net whose layers are being declared. */
export interface DeclaredUnet extends UnetOptions {
  /** They give residual blocks what they get of the time. */
  readonly modulations: JoinedLayers;
}

/**
 * A residual block that the time modulates, and that may halve or double the resolution (`ResnetBlock2D` of diffusers).
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/resnet.py#L188-L388
 */
export class ResnetBlock {
  readonly #path: string;
  readonly #norm1: GroupNorm;
  readonly #conv1: Conv2d;
  readonly #modulation: { readonly start: number; readonly end: number };
  readonly #norm2: GroupNorm;
  readonly #conv2: Conv2d;
  readonly #shortcut: Conv2d | undefined;
  readonly #scaleShift: boolean;
  readonly #resample: ((x: Tensor) => Tensor) | undefined;

  constructor(weights: Weights, widthIn: number, width: number, unet: DeclaredUnet, resampling?: Resampling) {
    const { groups, eps, timeDim, scaleShift, modulations } = unet;
    const outputs = scaleShift ? 2 * width : width;
    this.#path = weights.path;
    this.#norm1 = new GroupNorm(weights.at("norm1"), groups, widthIn, { eps });
    this.#conv1 = new Conv2d(weights.at("conv1"), widthIn, width, 3, { padding: 1 });
    const start = modulations.add(new Linear(weights.at("time_emb_proj"), timeDim, outputs), outputs);
    this.#modulation = { start, end: start + outputs };
    this.#norm2 = new GroupNorm(weights.at("norm2"), groups, width, { eps });
    this.#conv2 = new Conv2d(weights.at("conv2"), width, width, 3, { padding: 1 });
    if (widthIn !== width) this.#shortcut = new Conv2d(weights.at("conv_shortcut"), widthIn, width, 1);
    this.#scaleShift = scaleShift;
    this.#resample = resampling && RESAMPLE[resampling];
  }

  /** `[B, H, W, widthIn]` to `[B, H', W', width]`; `modulations` `[B, *]` are those of all blocks. */
  forward(x: Tensor, modulations: Tensor): Tensor {
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => {
        const resample = this.#resample;
        let h = this.#norm1.forward(x, { activation: "silu" });
        if (resample) h = applyTo(h, resample);
        h = applyTo(h, (h) => this.#conv1.forward(h));
        h = applyTo(h, (h) => this.#modulated(h, modulations));
        const skip = resample?.(x) ?? x;
        return this.#conv2.forward(h, { residual: this.#shortcut?.forward(skip) ?? skip });
      }),
    );
  }

  #modulated(h: Tensor, modulations: Tensor): Tensor {
    const { start, end } = this.#modulation;
    const activation = "silu";
    if (this.#scaleShift) {
      return this.#norm2.forward(h, { scaleShift: modulations, scaleShiftStart: start, activation });
    }
    return h.arena.scope(() => this.#norm2.forward(add(h, sliceChannels(modulations, start, end)), { activation }));
  }
}
