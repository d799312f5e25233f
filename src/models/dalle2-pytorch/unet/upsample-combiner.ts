import { resizeCubic } from "../../../ops/resize.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { Architecture } from "./architecture.js";
import { Block } from "./block.js";

/** Groups of the combiner's norms. The reference has no option for them. */
const GROUPS = 8;

/**
 * Resizes the outputs of all stages on the way up to full size, for the last block (U²-Net, Qin et al. 2020).
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1824-L1854
 */
export class UpsampleCombiner {
  readonly #blocks: readonly Block[];

  constructor(weights: Weights, { stages, dim }: Architecture) {
    this.#blocks = stages
      .toReversed()
      .map(({ dimOut }, i) => new Block(weights.at("fmap_convs", i), dimOut, dim, { groups: GROUPS }));
  }

  /** Feature maps in the order of the way up, to `[B, height, width, dim]` each. */
  forward(maps: readonly Tensor[], size: readonly [height: number, width: number]): readonly Tensor[] {
    return maps.map((map, i) => map.arena.scope(() => this.#blocks[i]!.forward(resizeCubic(map, size))));
  }
}
