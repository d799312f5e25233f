import { Conv2d } from "../../../nn/conv2d.js";
import { applyTo } from "../../../nn/feature-map.js";
import { resizeNearest } from "../../../ops/resize.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { Layers } from "./blocks.js";
import type { Norm, Norms } from "./norms.js";
import type { AutoencoderOptions } from "./options.js";

interface UpStage {
  readonly layers: Layers;
  readonly upsample: Conv2d | undefined;
}

/**
 * From latents to images (`Decoder` of diffusers).
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/autoencoders/vae.py#L191-L329
 */
export class AutoencoderDecoder {
  readonly #convIn: Conv2d;
  readonly #middle: Layers;
  readonly #ups: readonly UpStage[];
  readonly #normOut: Norm;
  readonly #convOut: Conv2d;

  /** Declares the weights. */
  constructor(weights: Weights, options: AutoencoderOptions, norms: Norms) {
    const { imageChannels, latentChannels, layers, attendsUp } = options;
    const widths = options.widths.toReversed();
    const [smallest, largest] = [widths[0]!, widths.at(-1)!];
    this.#convIn = new Conv2d(weights.at("conv_in"), latentChannels, smallest, 3, { padding: 1 });
    this.#middle = Layers.ofMiddle(weights.at("mid_block"), smallest, norms);
    this.#ups = widths.map((width, i) => {
      const place = weights.at("up_blocks", i);
      const sizes = { widthIn: widths[i - 1] ?? smallest, width, count: layers + 1, attends: attendsUp[i]! };
      const conv = place.at("upsamplers", 0, "conv");
      return {
        layers: Layers.ofResolution(place, sizes, norms),
        upsample: i < widths.length - 1 ? new Conv2d(conv, width, width, 3, { padding: 1 }) : undefined,
      };
    });
    this.#normOut = norms.declare(weights.at("conv_norm_out"), largest);
    this.#convOut = new Conv2d(weights.at("conv_out"), largest, imageChannels, 3, { padding: 1 });
  }

  /** `[B, h, w, latentChannels]` to `[B, H, W, imageChannels]`. `latents` are what spatial norms read. */
  forward(x: Tensor, latents?: Tensor): Tensor {
    return x.arena.scope(() => {
      let h = this.#middle.forward(this.#convIn.forward(x), latents);
      for (const { layers, upsample } of this.#ups) {
        h = layers.forward(h, latents);
        if (upsample) h = applyTo(applyTo(h, doubled), (h) => upsample.forward(h));
      }
      h = applyTo(h, (h) => this.#normOut.forward(h, latents, "silu"));
      return this.#convOut.forward(h);
    });
  }
}

function doubled(x: Tensor): Tensor {
  const [, height = 0, width = 0] = x.shape;
  return resizeNearest(x, [2 * height, 2 * width]);
}
