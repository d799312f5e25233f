import * as z from "zod/mini";
import { parseConfig } from "../../../config/config-error.js";
import { componentSchema, count } from "../../diffusers/config/component-schema.js";
import {
  checkTransformerUnet,
  TRANSFORMER_UNET_HARMLESS,
  transformerUnetOptions,
  transformerUnetShape,
  type TransformerUnetOptions,
} from "../../diffusers/config/transformer-unet-config.js";

const shape = {
  ...transformerUnetShape,
  class_embed_type: z.literal("projection"),
  projection_class_embeddings_input_dim: count.check(z.multipleOf(2, "expected an even number")),
};

const schema = componentSchema("UNet2DConditionModel", shape, { harmless: TRANSFORMER_UNET_HARMLESS }).check(
  z.superRefine((config, context) => {
    const issue = (key: string, message: string) => {
      context.addIssue({ code: "custom", path: [key], message });
    };
    checkTransformerUnet(config, issue);
    const { in_channels: channelsIn, out_channels: channelsOut } = config;
    if (channelsIn !== channelsOut) issue("in_channels", `${channelsIn}, but out_channels is ${channelsOut}`);
  }),
);

/** Every option of the decoder's U-Net. */
export interface StableUnclipUnetOptions extends TransformerUnetOptions {
  /** Width of the image embeddings. What the U-Net gets of one is twice as wide: the level of its noise follows it. */
  readonly imageEmbedDim: number;
}

/**
 * The options in the config of a `UNet2DConditionModel` in its form for Stable unCLIP. `file` is its name in messages. Throws
 * `ConfigError` for other forms.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/unets/unet_2d_condition.py#L176-L238
 */
export function stableUnclipUnetOptions(value: unknown, file: string): StableUnclipUnetOptions {
  const config = parseConfig(schema, value, file);
  return { ...transformerUnetOptions(config), imageEmbedDim: config.projection_class_embeddings_input_dim / 2 };
}
