import { Conv2d } from "../../../nn/conv2d.js";
import { affine } from "../../../ops/elementwise.js";
import { cast, sliceChannels } from "../../../ops/layout.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { AutoencoderDecoder } from "../../diffusers/autoencoder/decoder.js";
import { AutoencoderEncoder } from "../../diffusers/autoencoder/encoder.js";
import { groupNorms } from "../../diffusers/autoencoder/norms.js";
import { latentScale } from "../../diffusers/autoencoder/options.js";
import type { AutoencoderKlOptions } from "../config/autoencoder-config.js";

/**
 * The autoencoder of Stable Diffusion, which turns images into latents and back (`AutoencoderKL` of diffusers; Rombach et al. 2022,
 * section 3.1). Latents are scaled so that their variance is about 1.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/autoencoders/autoencoder_kl.py#L36-L335
 */
export class AutoencoderKl {
  readonly #encoder: AutoencoderEncoder;
  readonly #quantConv: Conv2d | undefined;
  readonly #postQuantConv: Conv2d | undefined;
  readonly #decoder: AutoencoderDecoder;

  /** Declares the weights. */
  constructor(
    weights: Weights,
    readonly options: AutoencoderKlOptions,
  ) {
    const { latentChannels, groups, hasQuantConv, hasPostQuantConv } = options;
    const moments = 2 * latentChannels;
    this.#encoder = new AutoencoderEncoder(weights.at("encoder"), { ...options, latentChannels: moments });
    if (hasQuantConv) this.#quantConv = new Conv2d(weights.at("quant_conv"), moments, moments, 1);
    if (hasPostQuantConv) {
      this.#postQuantConv = new Conv2d(weights.at("post_quant_conv"), latentChannels, latentChannels, 1);
    }
    this.#decoder = new AutoencoderDecoder(weights.at("decoder"), options, groupNorms(groups));
  }

  /** How many times smaller than images the latents are. */
  get scale(): number {
    return latentScale(this.options);
  }

  /**
   * The latents of images f32 `[B, H, W, 3]` in [-1, 1]: f32 `[B, h, w, latentChannels]`, the mean of their distribution in the scale of
   * the U-Net. The reference draws from that distribution, whose variance is tiny.
   */
  encode(images: Tensor): Tensor {
    const { arena } = images;
    const { latentChannels, scalingFactor } = this.options;
    return arena.scope(() => {
      const encoded = this.#encoder.forward(cast(images, arena.dtype));
      const moments = this.#quantConv?.forward(encoded) ?? encoded;
      return affine(cast(sliceChannels(moments, 0, latentChannels), "f32"), scalingFactor, 0);
    });
  }

  /** The images of latents f32 `[B, h, w, latentChannels]` in the scale of the U-Net: f32 `[B, H, W, 3]`, nominally in [-1, 1]. */
  decode(latents: Tensor): Tensor {
    const { arena } = latents;
    return arena.scope(() => this.decodeUnscaled(affine(latents, 1 / this.options.scalingFactor, 0)));
  }

  /** The images of latents in the autoencoder's own scale. */
  decodeUnscaled(latents: Tensor): Tensor {
    const { arena } = latents;
    return arena.scope(() => {
      const own = cast(latents, arena.dtype);
      return cast(this.#decoder.forward(this.#postQuantConv?.forward(own) ?? own), "f32");
    });
  }
}
