import { Conv2d } from "../../../nn/conv2d.js";
import { applyTo, share } from "../../../nn/feature-map.js";
import { cast } from "../../../ops/layout.js";
import { activate } from "../../../ops/elementwise.js";
import type { Arena } from "../../../tensor/arena.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";

/** Channels of a hint, and of the result of each of its convolutions. The config does not say them. */
const HINT_CHANNELS = 3;
const WIDTHS = [16, 16, 32, 32, 96, 96, 256, 4] as const;

/** The convolutions that halve the size. */
const HALVING: readonly number[] = [2, 4, 6];

/** How many times larger a hint is than the latents. */
export const HINT_SCALE = 2 ** HALVING.length;

/**
 * The features of a hint, such as a map of depths, in the size of the latents (`ImageHintTimeEmbedding` of diffusers).
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/embeddings.py#L2023-L2055
 */
export class HintBlock {
  readonly #layers: readonly Conv2d[];

  /** `weights`: of the U-Net. */
  constructor(weights: Weights) {
    const block = weights.at("add_embedding.input_hint_block");
    this.#layers = WIDTHS.map((width, i) => {
      const stride = HALVING.includes(i) ? 2 : 1;
      // Between the convolutions are activations, which count as layers.
      return new Conv2d(block.at(2 * i), WIDTHS[i - 1] ?? HINT_CHANNELS, width, 3, { padding: 1, stride });
    });
  }

  /** f32 `[B, 8h, 8w, 3]` to f32 `[B, h, w, 4]`. */
  forward(arena: Arena, hint: Tensor): Tensor {
    return arena.scope(() => {
      const last = this.#layers.length - 1;
      let h = share(cast(arena.share(hint), arena.dtype));
      for (const [i, layer] of this.#layers.entries()) {
        h = applyTo(h, (h) => layer.forward(h));
        if (i < last) h = applyTo(h, (h) => activate(h, "silu"));
      }
      return cast(h, "f32");
    });
  }
}
