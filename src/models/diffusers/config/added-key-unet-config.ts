import * as z from "zod/mini";
import { never, only } from "../../../config/known-keys.js";
import { count } from "./component-schema.js";
import { checkUnet, commonOptions, ofEach, unetShape, UNET_HARMLESS, type ContextUnetOptions } from "./unet-config.js";

const downBlock = z.enum(["ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"]);
const upBlock = z.enum(["ResnetUpsampleBlock2D", "SimpleCrossAttnUpBlock2D"]);
const kernel = z.int().check(
  z.positive(),
  z.refine((size) => size % 2 === 1, "expected an odd number"),
);

const NO_TRANSFORMER = "blocks with whole transformers";

/**
 * The keys of a `UNet2DConditionModel` whose attention adds keys of a context, except those of its conditions, which each family
 * has its own of.
 */
export const addedKeyShape = {
  ...unetShape,
  in_channels: z._default(count, 4),
  out_channels: z._default(count, 4),
  // A missing block type would be one of Stable Diffusion's, which is not supported: so it must be given.
  down_block_types: z.array(downBlock).check(z.minLength(1)),
  mid_block_type: z.literal("UNetMidBlock2DSimpleCrossAttn"),
  up_block_types: z.array(upBlock).check(z.minLength(1)),
  only_cross_attention: z._default(z.union([z.boolean(), z.array(z.boolean())]), false),
  mid_block_only_cross_attention: z.optional(z.boolean()),
  block_out_channels: z._default(z.array(count).check(z.minLength(1)), [320, 640, 1280, 1280]),
  layers_per_block: z._default(z.union([count, z.array(count)]), 2),
  cross_attention_dim: z._default(z.union([count, z.array(count)]), 1280),
  attention_head_dim: z._default(z.union([count, z.array(count)]), 8),
  resnet_skip_time_act: z._default(z.boolean(), false),
  resnet_out_scale_factor: only(1, "residual blocks that scale their output"),
  conv_in_kernel: z._default(kernel, 3),
  conv_out_kernel: z._default(kernel, 3),
  num_attention_heads: never("diffusers refuses it, too"),
  time_cond_proj_dim: never("a second condition of the time embedding"),
  time_embedding_act_fn: never("a second activation of the time embedding"),
  timestep_post_act: never("a second activation of the time embedding"),
  class_embeddings_concat: only(false, "class embeddings beside the time embedding"),
  cross_attention_norm: never("a norm of the context"),
  dual_cross_attention: only(false, NO_TRANSFORMER),
  attention_type: only("default", "attention with grounding tokens"),
};

/** Keys that do not change the result of such a U-Net. */
export const ADDED_KEY_HARMLESS = {
  ...UNET_HARMLESS,
  "of transformer blocks, which are not supported": [
    "transformer_layers_per_block",
    "reverse_transformer_layers_per_block",
    "use_linear_projection",
    "upcast_attention",
  ],
  "of other class embeddings": ["num_class_embeds", "addition_embed_type_num_heads"],
} as const;

/** The values of these keys. */
export type AddedKeyConfig = z.output<z.ZodMiniObject<typeof addedKeyShape>>;

/** Adds an issue for each key that contradicts another. */
export function checkAddedKeyUnet(config: AddedKeyConfig, issue: (key: string, message: string) => void): void {
  const { block_out_channels: widths, norm_num_groups: groups, attention_head_dim: dimHead } = config;
  const { layers_per_block, cross_attention_dim, only_cross_attention, down_block_types, up_block_types } = config;
  const lists = { layers_per_block, cross_attention_dim, attention_head_dim: dimHead, only_cross_attention };
  checkUnet({ widths, groups, lists: { ...lists, down_block_types, up_block_types } }, issue);
  if (new Set(ofEach(cross_attention_dim, 1)).size > 1) {
    issue("cross_attention_dim", "different widths of one context are not supported");
  }
  const wide = tooWideHead(config);
  if (wide !== undefined) issue("attention_head_dim", `${wide} is more than the channels of its block`);
}

/** A head size for which a block has too few channels; undefined if there is none. */
function tooWideHead(config: AddedKeyConfig): number | undefined {
  const { block_out_channels: widths, down_block_types: down, up_block_types: up } = config;
  const heads = ofEach(config.attention_head_dim, widths.length);
  const widest = widths.map((_, i) =>
    Math.min(
      down[i] === "SimpleCrossAttnDownBlock2D" || i === widths.length - 1 ? widths[i]! : Infinity,
      up[i] === "SimpleCrossAttnUpBlock2D" ? widths.at(-1 - i)! : Infinity,
    ),
  );
  return heads.find((dimHead, i) => dimHead > widest[i]!);
}

/** Every option of such a U-Net. Lists have one entry for each resolution. */
export interface AddedKeyUnetOptions extends ContextUnetOptions {
  /** Whether residual blocks are followed by attention, on the way down and up. */
  readonly attendsDown: readonly boolean[];
  readonly attendsUp: readonly boolean[];
  /** Channels of an attention head: those of `down` for the way down, and the same list, not reversed, for the way up. */
  readonly dimHead: readonly number[];
  /** Whether pixels attend to the context alone, not to each other. */
  readonly contextOnly: readonly boolean[];
  readonly midContextOnly: boolean;
  readonly inKernel: number;
  readonly outKernel: number;
}

/**
 * The options of such a U-Net.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/unets/unet_2d_condition.py#L176-L238
 */
export function addedKeyUnetOptions(config: AddedKeyConfig, sampleChannels: number): AddedKeyUnetOptions {
  const { only_cross_attention: contextOnly, mid_block_only_cross_attention: midContextOnly } = config;
  const stages = config.block_out_channels.length;
  return {
    ...commonOptions(config),
    sampleChannels,
    attendsDown: config.down_block_types.map((type) => type === "SimpleCrossAttnDownBlock2D"),
    attendsUp: config.up_block_types.map((type) => type === "SimpleCrossAttnUpBlock2D"),
    dimHead: ofEach(config.attention_head_dim, stages),
    contextOnly: ofEach(contextOnly, stages),
    midContextOnly: midContextOnly ?? contextOnly === true,
    contextDim: ofEach(config.cross_attention_dim, 1)[0]!,
    skipsTimeActivation: config.resnet_skip_time_act,
    inKernel: config.conv_in_kernel,
    outKernel: config.conv_out_kernel,
  };
}
