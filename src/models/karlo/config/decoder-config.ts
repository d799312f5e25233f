import * as z from "zod/mini";
import { parseConfig } from "../../../config/config-error.js";
import { never } from "../../../config/known-keys.js";
import {
  ADDED_KEY_HARMLESS,
  addedKeyShape,
  addedKeyUnetOptions,
  checkAddedKeyUnet,
  type AddedKeyUnetOptions,
} from "../../diffusers/config/added-key-unet-config.js";
import { componentSchema } from "../../diffusers/config/component-schema.js";

/** Why a key of another decoder is refused. */
const OTHER_CONDITION = "decoders of other pipelines, with other conditions";

const shape = {
  ...addedKeyShape,
  class_embed_type: z.literal("identity"),
  addition_embed_type: never(OTHER_CONDITION),
  addition_time_embed_dim: never(OTHER_CONDITION),
  encoder_hid_dim: never(OTHER_CONDITION),
  encoder_hid_dim_type: never(OTHER_CONDITION),
  projection_class_embeddings_input_dim: never(OTHER_CONDITION),
};

const schema = componentSchema("UNet2DConditionModel", shape, { harmless: ADDED_KEY_HARMLESS }).check(
  z.superRefine((config, context) => {
    const issue = (key: string, message: string) => {
      context.addIssue({ code: "custom", path: [key], message });
    };
    checkAddedKeyUnet(config, issue);
    const { in_channels: channelsIn, out_channels: channelsOut } = config;
    if (channelsOut !== channelsIn && channelsOut !== 2 * channelsIn) {
      issue("out_channels", `${channelsOut}, but in_channels is ${channelsIn}: it must be as many, or twice as many`);
    }
  }),
);

/**
 * The options in the config of a `UNet2DConditionModel` in its form for Karlo. `file` is its name in messages. Throws
 * `ConfigError` for other forms.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/unets/unet_2d_condition.py#L176-L238
 */
export function decoderOptions(value: unknown, file: string): AddedKeyUnetOptions {
  const config = parseConfig(schema, value, file);
  return addedKeyUnetOptions(config, config.in_channels);
}
