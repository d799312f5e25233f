import { Conv2d } from "../../../nn/conv2d.js";
import { applyTo, share } from "../../../nn/feature-map.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { Layers } from "./blocks.js";
import { groupNorms, type Norm } from "./norms.js";
import type { AutoencoderOptions } from "./options.js";
import { convolvedRows, halvedRows, isByRows, joinedRows, rowsOf, storedStrips, type RowOptions } from "./rows.js";

interface DownStage {
  readonly layers: Layers;
  readonly downsample: Conv2d | undefined;
  /** Channels before and behind it. */
  readonly widthIn: number;
  readonly width: number;
}

/**
 * From images to latents (`Encoder` of diffusers).
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/autoencoders/vae.py#L70-L188
 */
export class AutoencoderEncoder {
  readonly #convIn: Conv2d;
  readonly #downs: readonly DownStage[];
  readonly #middle: Layers;
  readonly #normOut: Norm;
  readonly #convOut: Conv2d;

  /** Declares the weights. */
  constructor(
    weights: Weights,
    { imageChannels, latentChannels, widths, layers, groups, attendsDown }: AutoencoderOptions,
  ) {
    const norms = groupNorms(groups);
    const [first, last] = [widths[0]!, widths.at(-1)!];
    this.#convIn = new Conv2d(weights.at("conv_in"), imageChannels, first, 3, { padding: 1 });
    this.#downs = widths.map((width, i) => {
      const place = weights.at("down_blocks", i);
      const widthIn = widths[i - 1] ?? first;
      const sizes = { widthIn, width, count: layers, attends: attendsDown[i]! };
      const conv = place.at("downsamplers", 0, "conv");
      return {
        layers: Layers.ofResolution(place, sizes, norms),
        downsample:
          i < widths.length - 1 ? new Conv2d(conv, width, width, 3, { stride: 2, padding: [0, 1] }) : undefined,
        widthIn,
        width,
      };
    });
    this.#middle = Layers.ofMiddle(weights.at("mid_block"), last, norms);
    this.#normOut = norms.declare(weights.at("conv_norm_out"), last);
    this.#convOut = new Conv2d(weights.at("conv_out"), last, latentChannels, 3, { padding: 1 });
  }

  /**
   * `[B, H, W, imageChannels]` to `[B, h, w, latentChannels]`: each resolution but the last halves the size, rounded down. The first
   * resolutions, as long as their feature maps are too large, are computed by rows, with the numbers of the whole.
   */
  forward(x: Tensor, options: RowOptions = {}): Tensor {
    return x.arena.scope(() => {
      const byRows = this.#stagesByRows(x, options);
      let h = byRows > 0 ? this.#firstByRows(x, byRows, options) : this.#convIn.forward(x);
      for (const { layers, downsample } of this.#downs.slice(byRows)) {
        h = layers.forward(h);
        if (downsample) h = applyTo(h, (h) => downsample.forward(h));
      }
      h = this.#middle.forward(h);
      h = applyTo(h, (h) => this.#normOut.forward(h, undefined, "silu"));
      return this.#convOut.forward(h);
    });
  }

  /** How many of the resolutions are computed by rows. */
  #stagesByRows({ shape, arena }: Tensor, options: RowOptions): number {
    const [batch = 0, height = 0, width = 0] = shape;
    const fits = this.#downs.findIndex(({ widthIn, width: widthOut }, i) => {
      const size = [Math.floor(height / 2 ** i), Math.floor(width / 2 ** i)] as const;
      return !isByRows([batch, ...size, Math.max(widthIn, widthOut)], arena, options);
    });
    return fits < 0 ? this.#downs.length : fits;
  }

  #firstByRows(x: Tensor, stages: number, options: RowOptions): Tensor {
    const [{ widthIn } = { widthIn: 0 }] = this.#downs;
    let h = rowsOf(storedStrips(convolvedRows(rowsOf([share(x)]), this.#convIn, widthIn), options));
    for (const [i, { layers, downsample, width }] of this.#downs.slice(0, stages).entries()) {
      h = layers.overRows(h, undefined, options);
      if (!downsample) continue;
      const halved = halvedRows(h, downsample, width);
      if (i === stages - 1) return joinedRows(halved, options);
      h = rowsOf(storedStrips(halved, options));
    }
    return joinedRows(h, options);
  }
}
