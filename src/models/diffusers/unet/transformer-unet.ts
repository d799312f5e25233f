import type { Weights } from "../../../weights/store.js";
import type { TransformerUnetOptions } from "../config/transformer-unet-config.js";
import { ContextTransformer } from "./context-transformer.js";
import { ContextUnet, type DeclareContextLayer } from "./context-unet.js";

/**
 * A U-Net with whole transformers behind its residual blocks, as Stable Diffusion has it. Convolutions change the resolution, so
 * that images may have any size.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/unets/unet_2d_blocks.py#L1157-L1326
 */
export class TransformerUnet extends ContextUnet {
  /** Declares the weights. */
  constructor(weights: Weights, options: TransformerUnetOptions) {
    const { widths, heads, attendsDown, attendsUp } = options;
    const last = widths.length - 1;
    const layer =
      (i: number): DeclareContextLayer =>
      (weights) =>
        new ContextTransformer(weights, {
          ...options,
          width: widths[i]!,
          heads: heads[i]!,
          blocks: options.blocks[i]!,
        });
    const layers = {
      down: widths.map((_, i) => (attendsDown[i] ? layer(i) : undefined)),
      middle: layer(last),
      up: widths.map((_, i) => (attendsUp[i] ? layer(last - i) : undefined)),
    };
    super(weights, options, layers, { resampling: "convolution" });
  }
}
