import * as z from "zod/mini";
import { parseConfig } from "../../../config/config-error.js";
import { never } from "../../../config/known-keys.js";
import type { AutoencoderOptions } from "../../diffusers/autoencoder/options.js";
import { checkAutoencoder, autoencoderShape } from "../../diffusers/config/autoencoder-config.js";
import { componentSchema, count } from "../../diffusers/config/component-schema.js";

const plain = <T extends string>(type: T) => z._default(z.array(z.literal(type)).check(z.minLength(1)), [type]);

const shape = {
  ...autoencoderShape,
  down_block_types: plain("DownEncoderBlock2D"),
  up_block_types: plain("UpDecoderBlock2D"),
  latent_channels: z._default(count, 4),
  scaling_factor: z._default(z.number().check(z.positive()), 0.18215),
  shift_factor: never("latents that are shifted"),
  latents_mean: never("latents that are shifted"),
  latents_std: never("latents whose channels are scaled"),
  use_quant_conv: z._default(z.boolean(), true),
  use_post_quant_conv: z._default(z.boolean(), true),
};

const schema = componentSchema("AutoencoderKL", shape, {
  harmless: { "that the pipelines do not use": ["sample_size", "force_upcast"] },
}).check(z.superRefine(checkAutoencoder));

/** Every option of an `AutoencoderKL`. */
export interface AutoencoderKlOptions extends AutoencoderOptions {
  /** Latents of the U-Net are those of the encoder times this factor. */
  readonly scalingFactor: number;
  /** Whether a 1×1 convolution follows the encoder, and one comes before the decoder. */
  readonly hasQuantConv: boolean;
  readonly hasPostQuantConv: boolean;
}

/**
 * The options in the config of an `AutoencoderKL`. `file` is its name in messages. Throws `ConfigError`.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/autoencoders/autoencoder_kl.py#L70-L94
 */
export function autoencoderKlOptions(value: unknown, file: string): AutoencoderKlOptions {
  const config = parseConfig(schema, value, file);
  const none = config.block_out_channels.map(() => false);
  return {
    imageChannels: 3,
    latentChannels: config.latent_channels,
    widths: config.block_out_channels,
    layers: config.layers_per_block,
    groups: config.norm_num_groups,
    attendsDown: none,
    attendsUp: none,
    scalingFactor: config.scaling_factor,
    hasQuantConv: config.use_quant_conv,
    hasPostQuantConv: config.use_post_quant_conv,
  };
}
