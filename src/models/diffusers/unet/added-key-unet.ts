import type { Weights } from "../../../weights/store.js";
import type { AddedKeyUnetOptions } from "../config/added-key-unet-config.js";
import { ContextAttention } from "./context-attention.js";
import { ContextUnet, type DeclareContextLayer } from "./context-unet.js";

/**
 * A U-Net whose attention adds keys of a context to those of the pixels, as Karlo and Kandinsky 2.2 have it.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/unets/unet_2d_blocks.py#L893-L1015
 */
export class AddedKeyUnet extends ContextUnet {
  /** Declares the weights. */
  constructor(weights: Weights, options: AddedKeyUnetOptions) {
    const { widths, dimHead, attendsDown, attendsUp, contextOnly, contextDim, groups } = options;
    const attention =
      (width: number, dimHead: number, contextOnly: boolean): DeclareContextLayer =>
      (weights) =>
        new ContextAttention(weights, { width, dimHead, contextDim, groups, contextOnly });
    const reversed = widths.toReversed();
    const onlyContext = contextOnly.toReversed();
    // The reference does not reverse the list of head sizes for the way up.
    const layers = {
      down: widths.map((width, i) => (attendsDown[i] ? attention(width, dimHead[i]!, contextOnly[i]!) : undefined)),
      middle: attention(widths.at(-1)!, dimHead.at(-1)!, options.midContextOnly),
      up: reversed.map((width, i) => (attendsUp[i] ? attention(width, dimHead[i]!, onlyContext[i]!) : undefined)),
    };
    super(weights, options, layers, { inKernel: options.inKernel, outKernel: options.outKernel });
  }
}
