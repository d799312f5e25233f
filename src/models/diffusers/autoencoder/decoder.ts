import { Conv2d } from "../../../nn/conv2d.js";
import { applyTo } from "../../../nn/feature-map.js";
import { resizeNearest } from "../../../ops/resize.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { Layers } from "./blocks.js";
import type { Norm, Norms } from "./norms.js";
import type { AutoencoderOptions } from "./options.js";
import {
  convolvedRows,
  doubledRows,
  isByRows,
  joinedRows,
  rowsOf,
  storedStrips,
  type RowMap,
  type RowOptions,
} from "./rows.js";

interface UpStage {
  /** Comes first, after the size was doubled. */
  readonly upsample: Conv2d | undefined;
  readonly layers: Layers;
  /** Channels before and behind it. */
  readonly widthIn: number;
  readonly width: number;
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
  readonly #imageChannels: number;

  /** Declares the weights. */
  constructor(weights: Weights, options: AutoencoderOptions, norms: Norms) {
    const { imageChannels, latentChannels, layers, attendsUp } = options;
    const widths = options.widths.toReversed();
    const [smallest, largest] = [widths[0]!, widths.at(-1)!];
    this.#convIn = new Conv2d(weights.at("conv_in"), latentChannels, smallest, 3, { padding: 1 });
    this.#middle = Layers.ofMiddle(weights.at("mid_block"), smallest, norms);
    this.#ups = widths.map((width, i) => {
      const place = weights.at("up_blocks", i);
      const widthIn = widths[i - 1] ?? smallest;
      const sizes = { widthIn, width, count: layers + 1, attends: attendsUp[i]! };
      // The file has it with the resolution before.
      const conv = weights.at("up_blocks", i - 1, "upsamplers", 0, "conv");
      const upsample = i > 0 ? new Conv2d(conv, widthIn, widthIn, 3, { padding: 1 }) : undefined;
      return { upsample, layers: Layers.ofResolution(place, sizes, norms), widthIn, width };
    });
    this.#normOut = norms.declare(weights.at("conv_norm_out"), largest);
    this.#convOut = new Conv2d(weights.at("conv_out"), largest, imageChannels, 3, { padding: 1 });
    this.#imageChannels = imageChannels;
  }

  /**
   * `[B, h, w, latentChannels]` to `[B, H, W, imageChannels]`. `latents` are what spatial norms read. From the first resolution on whose
   * feature maps are too large, everything is computed by rows, with the numbers of the whole.
   */
  forward(x: Tensor, latents?: Tensor, options: RowOptions = {}): Tensor {
    return x.arena.scope(() => {
      let h = this.#middle.forward(this.#convIn.forward(x), latents);
      for (const [i, { upsample, layers }] of this.#ups.entries()) {
        if (this.#isByRows(i, x, options)) return this.#restByRows(i, rowsOf([h]), latents, options);
        if (upsample) h = applyTo(applyTo(h, doubled), (h) => upsample.forward(h));
        h = layers.forward(h, latents);
      }
      h = applyTo(h, (h) => this.#normOut.forward(h, latents, "silu"));
      return this.#convOut.forward(h);
    });
  }

  #isByRows(stage: number, { shape, arena }: Tensor, options: RowOptions): boolean {
    const [batch = 0, height = 0, width = 0] = shape;
    const { widthIn, width: widthOut } = this.#ups[stage]!;
    return isByRows([batch, height * 2 ** stage, width * 2 ** stage, Math.max(widthIn, widthOut)], arena, options);
  }

  #restByRows(stage: number, x: RowMap, latents: Tensor | undefined, options: RowOptions): Tensor {
    let h = x;
    for (const { upsample, layers, widthIn } of this.#ups.slice(stage)) {
      if (upsample) h = rowsOf(storedStrips(convolvedRows(doubledRows(h), upsample, widthIn), options));
      h = layers.overRows(h, latents, options);
    }
    const normed = this.#normOut.overRows(h, latents, options, "silu");
    return joinedRows(convolvedRows(normed, this.#convOut, this.#imageChannels), options);
  }
}

function doubled(x: Tensor): Tensor {
  const [, height = 0, width = 0] = x.shape;
  return resizeNearest(x, [2 * height, 2 * width]);
}
