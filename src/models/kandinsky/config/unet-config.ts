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
import { componentSchema, count } from "../../diffusers/config/component-schema.js";
import { LATENT_CHANNELS } from "../../diffusers/latents/latents.js";

/** Why a key of another decoder is refused. */
const OTHER_CONDITION = "decoders of other pipelines, with other conditions";

/** What the U-Net reads beside the latents: nothing; the latents to keep and their mask; or the features of a hint. */
export type BesideLatents = "nothing" | "kept" | "hint";

/** Channels of the input of each form. */
const CHANNELS_IN: Readonly<Record<BesideLatents, number>> = {
  nothing: LATENT_CHANNELS,
  kept: 2 * LATENT_CHANNELS + 1,
  hint: 2 * LATENT_CHANNELS,
};

const shape = {
  ...addedKeyShape,
  encoder_hid_dim: count,
  encoder_hid_dim_type: z.literal("image_proj"),
  addition_embed_type: z.enum(["image", "image_hint"]),
  class_embed_type: never(OTHER_CONDITION),
  num_class_embeds: never(OTHER_CONDITION),
  addition_time_embed_dim: never(OTHER_CONDITION),
  projection_class_embeddings_input_dim: never(OTHER_CONDITION),
};

const schema = componentSchema("UNet2DConditionModel", shape, { harmless: ADDED_KEY_HARMLESS }).check(
  z.superRefine((config, context) => {
    const issue = (key: string, message: string) => {
      context.addIssue({ code: "custom", path: [key], message });
    };
    checkAddedKeyUnet(config, issue);
    const { in_channels: channelsIn, out_channels: channelsOut, addition_embed_type: type } = config;
    if (type === "image_hint" && config.center_input_sample) {
      issue("center_input_sample", "true is not supported with the addition_embed_type image_hint");
    }
    const forms = type === "image_hint" ? ([CHANNELS_IN.hint] as const) : [CHANNELS_IN.nothing, CHANNELS_IN.kept];
    if (!forms.includes(channelsIn)) {
      issue(
        "in_channels",
        `${channelsIn} is not supported with the addition_embed_type ${type}: only ${forms.join(" or ")}`,
      );
    }
    if (channelsOut !== LATENT_CHANNELS && channelsOut !== 2 * LATENT_CHANNELS) {
      issue("out_channels", `${channelsOut} is not supported: only ${LATENT_CHANNELS}, or twice as many`);
    }
  }),
);

/** Every option of the decoder's U-Net. */
export interface KandinskyUnetOptions extends AddedKeyUnetOptions {
  readonly imageEmbedDim: number;
  readonly beside: BesideLatents;
}

/**
 * The options in the config of a `UNet2DConditionModel` in its forms for Kandinsky 2.2. `file` is its name in messages. Throws
 * `ConfigError` for other forms.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/unets/unet_2d_condition.py#L176-L238
 */
export function kandinskyUnetOptions(value: unknown, file: string): KandinskyUnetOptions {
  const config = parseConfig(schema, value, file);
  const isHinted = config.addition_embed_type === "image_hint";
  return {
    ...addedKeyUnetOptions(config, LATENT_CHANNELS),
    imageEmbedDim: config.encoder_hid_dim,
    beside: isHinted ? "hint" : config.in_channels === CHANNELS_IN.kept ? "kept" : "nothing",
  };
}
