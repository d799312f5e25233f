import * as z from "zod/mini";
import { parseConfig } from "../../../config/config-error.js";
import { never } from "../../../config/known-keys.js";
import { componentSchema, count } from "../../diffusers/config/component-schema.js";
import {
  checkUnet,
  commonOptions,
  unetShape,
  UNET_HARMLESS,
  type UnetOptions,
} from "../../diffusers/config/unet-config.js";

// A missing block type would be one of plain DDPM's, which is not supported: so it must be given.
const shape = {
  ...unetShape,
  in_channels: z._default(count, 3),
  out_channels: z._default(count, 3),
  down_block_types: z.array(z.literal("ResnetDownsampleBlock2D")).check(z.minLength(1)),
  mid_block_type: z.optional(z.literal("UNetMidBlock2D")),
  up_block_types: z.array(z.literal("ResnetUpsampleBlock2D")).check(z.minLength(1)),
  block_out_channels: z._default(z.array(count).check(z.minLength(1)), [224, 448, 672, 896]),
  layers_per_block: z._default(count, 2),
  attention_head_dim: z._default(z.nullable(count), 8),
  attn_norm_num_groups: z.optional(count),
  add_attention: z._default(z.boolean(), true),
  class_embed_type: never("a class embedding"),
  num_class_embeds: never("a class embedding"),
};

const schema = componentSchema("UNet2DModel", shape, {
  harmless: {
    ...UNET_HARMLESS,
    "of blocks and embeddings that are not supported": ["downsample_type", "upsample_type", "num_train_timesteps"],
  },
  nullable: ["attention_head_dim"],
}).check(
  z.superRefine((config, context) => {
    const { block_out_channels: widths, norm_num_groups: groups, attn_norm_num_groups: attentionGroups } = config;
    const issue = (key: string, message: string) => {
      context.addIssue({ code: "custom", path: [key], message });
    };
    const { down_block_types, up_block_types, in_channels: channelsIn, out_channels: channelsOut } = config;
    checkUnet({ widths, groups, lists: { down_block_types, up_block_types } }, issue);
    if (channelsIn <= channelsOut) {
      issue("in_channels", `${channelsIn} leaves none for the smaller image beside the ${channelsOut} of out_channels`);
    }
    const width = widths.at(-1)!;
    if (!config.add_attention) return;
    if ((config.attention_head_dim ?? width) > width) {
      issue("attention_head_dim", `${config.attention_head_dim} is more than the ${width} channels of the middle`);
    }
    if (attentionGroups !== undefined && width % attentionGroups !== 0) {
      issue("attn_norm_num_groups", `${attentionGroups} is no divisor of the ${width} channels of the middle`);
    }
  }),
);

/** Every option of a super-resolution U-Net. */
export interface SuperResolutionOptions extends UnetOptions {
  /** Self-attention in the middle: its heads, and the groups of its norm, if it has one. */
  readonly attention: { readonly dimHead: number; readonly groups: number | undefined } | undefined;
}

/**
 * The options in the config of a `UNet2DModel` in its form for super-resolution. `file` is its name in messages. Throws
 * `ConfigError` for other forms.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/unets/unet_2d.py#L94-L126
 */
export function superResolutionOptions(value: unknown, file: string): SuperResolutionOptions {
  const config = parseConfig(schema, value, file);
  const options = commonOptions(config);
  return { ...options, attention: config.add_attention ? attentionOf(config, options) : undefined };
}

/** @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/unets/unet_2d_blocks.py#L640-L645 */
function attentionOf(
  { attention_head_dim: dimHead, attn_norm_num_groups: given }: z.output<typeof schema>,
  { widths, groups, scaleShift }: UnetOptions,
): NonNullable<SuperResolutionOptions["attention"]> {
  return { dimHead: dimHead ?? widths.at(-1)!, groups: given ?? (scaleShift ? undefined : groups) };
}
