// What an inpainting run of Kandinsky's decoder keeps of an image.
import { affine, clamp, scaleBy } from "../../../ops/elementwise.js";
import { conv2d } from "../../../ops/conv.js";
import { concatChannels } from "../../../ops/layout.js";
import { packRows } from "../../../ops/pack.js";
import { maskedBlend } from "../../../ops/sampler.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { nearestMask, type KeptLatents } from "../../diffusers/latents/kept-latents.js";
import type { Size } from "../../diffusers/latents/latents.js";

/**
 * The neighbours, as a kernel of 3 × 3, of which one that is generated makes a pixel generated, too: all but two. So the part to
 * generate grows.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/kandinsky2_2/pipeline_kandinsky2_2_inpainting.py#L98-L126
 */
const NEIGHBOURS = [1, 1, 0, 1, 1, 1, 0, 1, 1];

/**
 * The mask of latents of this size for a mask f32 `[B, H, W, 1]` of pixels, which is not zero where the image is kept: the nearest
 * pixel, and then the part to generate grown.
 */
export function latentMask(mask: Tensor, size: Size): Tensor {
  return mask.arena.scope(() => grown(nearestMask(mask, size)));
}

/** A mask of ones and zeros with its zeros grown by one pixel, in f32. */
export function grown(mask: Tensor): Tensor {
  const { arena } = mask;
  return arena.scope(() => {
    const kernel = arena.adopt(arena.packed([3, 3, 1, 1], "f32"));
    const source = new Float32Array(Math.ceil(NEIGHBOURS.length / 4) * 4);
    source.set(NEIGHBOURS);
    packRows(arena.from(source, [source.length], "f32"), kernel, { firstRow: 0, rows: 1, inputs: 1, taps: 9 });
    const generated = conv2d(affine(mask, -1, 1), kernel, { padding: 1 });
    return affine(clamp(generated, 0, 1), -1, 1);
  });
}

/** What the U-Net reads beside the latents: those that are kept, zero elsewhere, and the mask. f32 `[B, h, w, 5]`. */
export function besideLatents({ latents, mask }: KeptLatents): Tensor {
  return latents.arena.scope(() => concatChannels([maskedBlend(scaleBy(latents, 0), latents, mask), mask]));
}
