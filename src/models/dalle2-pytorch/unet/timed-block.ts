import { Linear } from "../../../nn/linear.js";
import { add } from "../../../ops/elementwise.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { Architecture } from "./architecture.js";
import { Block, type BlockOptions } from "./block.js";

/** The first half of a residual block, which may use the time condition `[B, timeCondDim]`. */
export interface TimedBlock {
  /** `[B, H, W, dimIn]` to `[B, H, W, dimOut]`. */
  forward(x: Tensor, time: Tensor): Tensor;
}

type Constructor = new (
  weights: Weights,
  dimIn: number,
  dimOut: number,
  options: BlockOptions,
  unet: Architecture,
) => TimedBlock;

/**
 * The time modulates the norm (FiLM, Perez et al. 2018). `weights` are those of the residual block.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1657-L1679
 */
class ScaleShiftBlock implements TimedBlock {
  readonly #time: Linear;
  readonly #block: Block;

  constructor(weights: Weights, dimIn: number, dimOut: number, options: BlockOptions, { timeCondDim }: Architecture) {
    this.#time = new Linear(weights.at("time_mlp", 1), timeCondDim, 2 * dimOut);
    this.#block = new Block(weights.at("block1"), dimIn, dimOut, options);
  }

  forward(x: Tensor, time: Tensor): Tensor {
    return x.arena.scope(() => this.#block.forward(x, { scaleShift: this.#time.forward(time) }));
  }
}

/** The time is added to the result (Ho et al. 2020). */
class BiasBlock implements TimedBlock {
  readonly #time: Linear;
  readonly #block: Block;

  constructor(weights: Weights, dimIn: number, dimOut: number, options: BlockOptions, { timeCondDim }: Architecture) {
    this.#time = new Linear(weights.at("time_mlp", 1), timeCondDim, dimOut);
    this.#block = new Block(weights.at("block1"), dimIn, dimOut, options);
  }

  forward(x: Tensor, time: Tensor): Tensor {
    return x.arena.scope(() => add(this.#block.forward(x), this.#time.forward(time)));
  }
}

/** The time is not used. */
class UntimedBlock implements TimedBlock {
  readonly #block: Block;

  constructor(weights: Weights, dimIn: number, dimOut: number, options: BlockOptions) {
    this.#block = new Block(weights.at("block1"), dimIn, dimOut, options);
  }

  forward(x: Tensor): Tensor {
    return this.#block.forward(x);
  }
}

export const TIMED_BLOCKS = {
  scaleShift: ScaleShiftBlock,
  add: BiasBlock,
  none: UntimedBlock,
} as const satisfies Readonly<Record<string, Constructor>>;
