import { Linear } from "../../../nn/linear.js";
import { add } from "../../../ops/elementwise.js";
import { sliceChannels } from "../../../ops/layout.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { Block, type BlockOptions } from "./block.js";
import type { DeclaredUnet } from "./conditioning.js";

/** The first half of a residual block, which may use the time. */
export interface TimedBlock {
  /** `[B, H, W, dimIn]` to `[B, H, W, dimOut]`. `modulations` `[B, *]` are those of all blocks. */
  forward(x: Tensor, modulations: Tensor): Tensor;
}

/** Declares the layer that turns the time condition `[timeCondDim]` into what a block gets. Returns where that begins. */
function declareModulation(weights: Weights, outputs: number, { timeCondDim, layers }: DeclaredUnet): number {
  return layers.modulations.add(new Linear(weights.at("time_mlp", 1), timeCondDim, outputs), outputs);
}

type Constructor = new (
  weights: Weights,
  dimIn: number,
  dimOut: number,
  options: BlockOptions,
  unet: DeclaredUnet,
) => TimedBlock;

/**
 * The time modulates the norm (FiLM, Perez et al. 2018). `weights` are those of the residual block.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1657-L1679
 */
class ScaleShiftBlock implements TimedBlock {
  readonly #start: number;
  readonly #block: Block;

  constructor(weights: Weights, dimIn: number, dimOut: number, options: BlockOptions, unet: DeclaredUnet) {
    this.#start = declareModulation(weights, 2 * dimOut, unet);
    this.#block = new Block(weights.at("block1"), dimIn, dimOut, options);
  }

  forward(x: Tensor, modulations: Tensor): Tensor {
    return this.#block.forward(x, { scaleShift: modulations, scaleShiftStart: this.#start });
  }
}

/** The time is added to the result (Ho et al. 2020). */
class BiasBlock implements TimedBlock {
  readonly #start: number;
  readonly #end: number;
  readonly #block: Block;

  constructor(weights: Weights, dimIn: number, dimOut: number, options: BlockOptions, unet: DeclaredUnet) {
    this.#start = declareModulation(weights, dimOut, unet);
    this.#end = this.#start + dimOut;
    this.#block = new Block(weights.at("block1"), dimIn, dimOut, options);
  }

  forward(x: Tensor, modulations: Tensor): Tensor {
    return x.arena.scope(() => add(this.#block.forward(x), sliceChannels(modulations, this.#start, this.#end)));
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
