import { Conv2d } from "../../../nn/conv2d.js";
import { GroupNorm } from "../../../nn/group-norm.js";
import type { GroupNormOptions } from "../../../ops/group-norm.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";

export interface BlockOptions {
  readonly groups: number;
  /** Standardise the convolution's weights (Qiao et al. 2019). */
  readonly standardize?: boolean;
  /** Names of the convolution and the norm. */
  readonly names?: BlockNames;
}

export interface BlockNames {
  readonly project: string;
  readonly norm: string;
}

/** Names since 0.5.2. */
const NAMES: BlockNames = { project: "project", norm: "norm" };

/**
 * A 3×3 convolution, group norm and SiLU: half of a residual block.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1596-L1620
 */
export class Block {
  readonly #project: Conv2d;
  readonly #norm: GroupNorm;

  constructor(weights: Weights, dimIn: number, dimOut: number, options: BlockOptions) {
    const { groups, standardize = false, names = NAMES } = options;
    this.#project = new Conv2d(weights.at(names.project), dimIn, dimOut, 3, { padding: 1, standardize });
    this.#norm = new GroupNorm(weights.at(names.norm), groups, dimOut);
  }

  /**
   * `[B, H, W, dimIn]` to `[B, H, W, dimOut]`. `scaleShift` modulates the norm (see `groupNorm`); `residual` is added to the
   * result.
   */
  forward(x: Tensor, options: Pick<GroupNormOptions, "scaleShift" | "scaleShiftStart" | "residual"> = {}): Tensor {
    return x.arena.scope(() => this.#norm.forward(this.#project.forward(x), { ...options, activation: "silu" }));
  }
}
