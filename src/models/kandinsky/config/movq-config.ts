import * as z from "zod/mini";
import { parseConfig } from "../../../config/config-error.js";
import { only } from "../../../config/known-keys.js";
import { autoencoderShape, checkAutoencoder } from "../../diffusers/config/autoencoder-config.js";
import { componentSchema, count } from "../../diffusers/config/component-schema.js";
import { SPATIAL_GROUPS } from "../../diffusers/autoencoder/norms.js";
import type { AutoencoderOptions } from "../../diffusers/autoencoder/options.js";

const filled = <T extends z.ZodMiniType>(one: T) => z.array(one).check(z.minLength(1));

const shape = {
  ...autoencoderShape,
  down_block_types: filled(z.enum(["DownEncoderBlock2D", "AttnDownEncoderBlock2D"])),
  up_block_types: filled(z.enum(["UpDecoderBlock2D", "AttnUpDecoderBlock2D"])),
  latent_channels: z._default(count, 3),
  num_vq_embeddings: z._default(count, 256),
  vq_embed_dim: z.optional(count),
  // A missing type would be a group norm.
  norm_type: z.literal("spatial"),
  lookup_from_codebook: only(false, "latents that name entries of the codebook"),
};

const schema = componentSchema("VQModel", shape, {
  harmless: { "that the pipelines do not use": ["sample_size", "scaling_factor", "force_upcast"] },
}).check(
  z.superRefine((config, context) => {
    checkAutoencoder(config, context);
    const issue = (key: string, message: string) => {
      context.addIssue({ code: "custom", path: [key], message });
    };
    const { block_out_channels: widths, latent_channels: latents, vq_embed_dim: codes } = config;
    const odd = widths.find((width) => width % SPATIAL_GROUPS !== 0);
    if (odd !== undefined)
      issue("block_out_channels", `${odd} is no multiple of ${SPATIAL_GROUPS}, the groups of spatial norms`);
    if (codes !== undefined && codes !== latents) {
      issue("vq_embed_dim", `${codes}, but latent_channels is ${latents}`);
    }
  }),
);

/** Every option of a MoVQ. */
export interface MovqOptions extends AutoencoderOptions {
  /** Entries of the codebook. */
  readonly codes: number;
}

/**
 * The options in the config of a `VQModel` with spatial norms. `file` is its name in messages. Throws `ConfigError`.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/autoencoders/vq_model.py#L74-L97
 */
export function movqOptions(value: unknown, file: string): MovqOptions {
  const config = parseConfig(schema, value, file);
  return {
    imageChannels: 3,
    latentChannels: config.latent_channels,
    widths: config.block_out_channels,
    layers: config.layers_per_block,
    groups: config.norm_num_groups,
    attendsDown: config.down_block_types.map((type) => type === "AttnDownEncoderBlock2D"),
    attendsUp: config.up_block_types.map((type) => type === "AttnUpDecoderBlock2D"),
    codes: config.num_vq_embeddings,
  };
}
