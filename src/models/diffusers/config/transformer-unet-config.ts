import * as z from "zod/mini";
import { never, only } from "../../../config/known-keys.js";
import { count } from "./component-schema.js";
import { checkUnet, commonOptions, ofEach, unetShape, type ContextUnetOptions } from "./unet-config.js";

const WITH = ["CrossAttnDownBlock2D", "CrossAttnUpBlock2D"] as const;
const downBlock = z.enum([WITH[0], "DownBlock2D"]);
const upBlock = z.enum([WITH[1], "UpBlock2D"]);
const perLevel = z.union([count, z.array(count)]);

const OTHER_ATTENTION = "blocks that attend to the context alone";

/**
 * The keys of a `UNet2DConditionModel` with transformers, except those of its conditions. Missing keys have the defaults of
 * diffusers, which are those of Stable Diffusion.
 */
export const transformerUnetShape = {
  ...unetShape,
  in_channels: z._default(count, 4),
  out_channels: z._default(count, 4),
  down_block_types: z._default(z.array(downBlock).check(z.minLength(1)), [WITH[0], WITH[0], WITH[0], "DownBlock2D"]),
  mid_block_type: z._default(z.literal("UNetMidBlock2DCrossAttn"), "UNetMidBlock2DCrossAttn"),
  up_block_types: z._default(z.array(upBlock).check(z.minLength(1)), ["UpBlock2D", WITH[1], WITH[1], WITH[1]]),
  only_cross_attention: only(false, OTHER_ATTENTION),
  mid_block_only_cross_attention: only(false, OTHER_ATTENTION),
  block_out_channels: z._default(z.array(count).check(z.minLength(1)), [320, 640, 1280, 1280]),
  layers_per_block: z._default(perLevel, 2),
  cross_attention_dim: z._default(perLevel, 1280),
  // The number of heads, in spite of its name.
  attention_head_dim: z._default(perLevel, 8),
  num_attention_heads: never("diffusers refuses it, too"),
  transformer_layers_per_block: z._default(perLevel, 1),
  reverse_transformer_layers_per_block: never("other numbers of blocks on the way up"),
  use_linear_projection: z._default(z.boolean(), false),
  downsample_padding: only(1, "convolutions that halve images with another padding"),
  resnet_skip_time_act: only(false, "residual blocks without an activation of the time"),
  resnet_out_scale_factor: only(1, "residual blocks that scale their output"),
  conv_in_kernel: only(3, "another size of the first convolution"),
  conv_out_kernel: only(3, "another size of the last convolution"),
  time_cond_proj_dim: never("a second condition of the time embedding"),
  time_embedding_act_fn: never("a second activation of the time embedding"),
  timestep_post_act: never("a second activation of the time embedding"),
  class_embeddings_concat: only(false, "class embeddings beside the time embedding"),
  cross_attention_norm: never("a norm of the context"),
  dual_cross_attention: only(false, "blocks with two transformers"),
  attention_type: only("default", "attention with grounding tokens"),
  encoder_hid_dim: never("a projection of the context"),
  encoder_hid_dim_type: never("a projection of the context"),
  addition_embed_type: never("a second condition"),
  addition_time_embed_dim: never("a second condition"),
};

/** Keys that do not change the result of such a U-Net. */
export const TRANSFORMER_UNET_HARMLESS = {
  "of training": ["dropout"],
  "of arithmetic in f16": ["upcast_attention"],
  "of other conditions": ["num_class_embeds", "addition_embed_type_num_heads"],
} as const;

/** The values of these keys. */
export type TransformerUnetConfig = z.output<z.ZodMiniObject<typeof transformerUnetShape>>;

/** Adds an issue for each key that contradicts another. */
export function checkTransformerUnet(
  config: TransformerUnetConfig,
  issue: (key: string, message: string) => void,
): void {
  const { block_out_channels: widths, norm_num_groups: groups, layers_per_block, cross_attention_dim } = config;
  const { down_block_types, up_block_types, transformer_layers_per_block, attention_head_dim } = config;
  const lists = { layers_per_block, cross_attention_dim, transformer_layers_per_block, attention_head_dim };
  checkUnet({ widths, groups, lists: { ...lists, down_block_types, up_block_types } }, issue);
  if (new Set(ofEach(cross_attention_dim, 1)).size > 1) {
    issue("cross_attention_dim", "different widths of one context are not supported");
  }
  const heads = headsOf(config);
  const wrong = widths.findIndex((width, i) => width % (heads[i] ?? 1) !== 0);
  if (wrong >= 0)
    issue("attention_head_dim", `${heads[wrong]} heads do not divide ${widths[wrong]} in block_out_channels`);
}

function headsOf({ attention_head_dim, block_out_channels }: TransformerUnetConfig): readonly number[] {
  return ofEach(attention_head_dim, block_out_channels.length);
}

/** Every option of such a U-Net. Lists have one entry for each resolution. */
export interface TransformerUnetOptions extends ContextUnetOptions {
  /** Whether residual blocks are followed by transformers, on the way down and up. */
  readonly attendsDown: readonly boolean[];
  readonly attendsUp: readonly boolean[];
  /** Heads of attention: those of the way down, from the largest resolution. */
  readonly heads: readonly number[];
  /** Blocks of each transformer, from the largest resolution. */
  readonly blocks: readonly number[];
  /** Whether the projections before and behind the blocks are linear layers; otherwise they are 1×1 convolutions. */
  readonly linearProjection: boolean;
}

/**
 * The options of such a U-Net.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/unets/unet_2d_condition.py#L176-L238
 */
export function transformerUnetOptions(config: TransformerUnetConfig): TransformerUnetOptions {
  return {
    ...commonOptions(config),
    sampleChannels: config.out_channels,
    attendsDown: config.down_block_types.map((type) => type === WITH[0]),
    attendsUp: config.up_block_types.map((type) => type === WITH[1]),
    heads: headsOf(config),
    blocks: ofEach(config.transformer_layers_per_block, config.block_out_channels.length),
    linearProjection: config.use_linear_projection,
    contextDim: ofEach(config.cross_attention_dim, 1)[0]!,
    skipsTimeActivation: false,
  };
}
