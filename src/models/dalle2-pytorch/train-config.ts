/**
 * The training configs beside or inside DALLE2-pytorch checkpoints (dalle2_pytorch/train_configs.py, 1.15.6).
 *
 * Parsed configs keep the snake_case keys of the files, so that messages use the user's names. `null` means "not given"
 * everywhere, because a stored pydantic `.dict()` contains every default. The reference passes unknown keys to the constructors
 * (`extra = "allow"`). Those of the prior, its network and the decoder raise a TypeError, so a key that no version has is
 * refused here. That of a U-Net ignores them (`**kwargs`), so they are ignored, and `describeIgnored` names them. The
 * camelCase options of models come from options.ts beside this file.
 */
import * as z from "zod/mini";
import type { BetaScheduleName } from "../../diffusion/schedule.js";
import { describeUnknown } from "../../config/config-error.js";
import { keysOf, knownKeys, only, type HarmlessKeys } from "../../config/known-keys.js";
import { adapterConfig } from "../clip/config/adapter-config.js";

/** The noise schedules that the reference knows by name. */
export const betaScheduleName = z.enum([
  "cosine",
  "linear",
  "quadratic",
  "jsd",
  "sigmoid",
] satisfies readonly BetaScheduleName[]);

// Far above real models, and low enough that a config alone cannot exhaust time or memory.
const count = z.int().check(z.positive(), z.maximum(2 ** 24));
const layers = z.int().check(z.positive(), z.maximum(1000));
const timesteps = z.int().check(z.positive(), z.maximum(50_000));
const MAX_LIST = 64;

const probability = z.number().check(z.minimum(0), z.maximum(1));
// Configs stored by a tracker have flags as 0 and 1 (REFERENCE: pydantic's list of int).
const flag = z.union(
  [
    z.boolean(),
    z.pipe(
      z.literal(0),
      z.transform(() => false),
    ),
    z.pipe(
      z.literal(1),
      z.transform(() => true),
    ),
  ],
  {
    error: "expected true or false",
  },
);

/** A field that may be missing or null, both of which mean `value`. */
function withDefault<Schema extends z.ZodMiniType>(schema: Schema, value: z.output<Schema>) {
  return z.pipe(
    z.nullish(schema),
    z.transform((given): z.output<Schema> => given ?? value),
  );
}

/** A field that may be missing; missing and null both read as null. */
function optional<Schema extends z.ZodMiniType>(schema: Schema) {
  return z.pipe(
    z.nullish(schema),
    z.transform((given): z.output<Schema> | null => given ?? null),
  );
}

function oneOrMany<Schema extends z.ZodMiniType>(schema: Schema) {
  return z.union([schema, z.array(schema).check(z.maxLength(MAX_LIST))], {
    error: "expected one value or a list of them",
  });
}

/** Arguments of a U-Net that have no effect. */
const UNET_HARMLESS: HarmlessKeys = {
  "of training": ["checkpoint_during_training"],
  "in the signature, but not used since 0.2.14": ["out_dim"],
};

/**
 * Arguments of the reference's `Unet`: the fields of UnetConfig and every other option of the constructor.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/680dfc4d93b70f9ab23c814a22ca18017a738ef6/dalle2_pytorch/train_configs.py#L228-L242
 */
export const unetConfig = z.looseObject({
  dim: count,
  dim_mults: withDefault(z.array(count).check(z.minLength(1), z.maxLength(MAX_LIST)), [1, 2, 4, 8]),
  image_embed_dim: optional(count),
  text_embed_dim: optional(count),
  cond_dim: optional(count),
  num_image_tokens: withDefault(count, 4),
  num_time_tokens: withDefault(count, 2),
  channels: withDefault(count, 3),
  channels_out: optional(count),
  self_attn: withDefault(oneOrMany(flag), false),
  attn_dim_head: withDefault(count, 32),
  attn_heads: withDefault(count, 16),
  lowres_cond: withDefault(flag, false),
  lowres_noise_cond: withDefault(flag, false),
  self_cond: withDefault(flag, false),
  sparse_attn: withDefault(flag, false),
  cosine_sim_cross_attn: withDefault(flag, false),
  cosine_sim_self_attn: withDefault(flag, false),
  attend_at_middle: withDefault(flag, true),
  cond_on_text_encodings: withDefault(flag, false),
  max_text_len: withDefault(count, 256),
  cond_on_image_embeds: withDefault(flag, false),
  add_image_embeds_to_time: withDefault(flag, true),
  init_dim: optional(count),
  init_conv_kernel_size: withDefault(count, 7),
  resnet_groups: withDefault(oneOrMany(count), 8),
  resnet_weight_standardization: withDefault(flag, false),
  num_resnet_blocks: withDefault(oneOrMany(z.int().check(z.nonnegative(), z.maximum(1000))), 2),
  init_cross_embed: withDefault(flag, true),
  init_cross_embed_kernel_sizes: withDefault(z.array(count).check(z.minLength(1), z.maxLength(MAX_LIST)), [3, 7, 15]),
  cross_embed_downsample: withDefault(flag, false),
  cross_embed_downsample_kernel_sizes: withDefault(z.array(count).check(z.minLength(1), z.maxLength(MAX_LIST)), [2, 4]),
  memory_efficient: withDefault(flag, false),
  scale_skip_connection: withDefault(flag, false),
  pixel_shuffle_upsample: withDefault(flag, true),
  nearest_upsample: withDefault(flag, false),
  final_conv_kernel_size: withDefault(count, 1),
  combine_upsample_fmaps: withDefault(flag, false),
});
export type UnetConfig = z.output<typeof unetConfig>;

/**
 * Arguments of the reference's `Decoder`: the fields of DecoderConfig and every option of the constructor that sampling reads.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/680dfc4d93b70f9ab23c814a22ca18017a738ef6/dalle2_pytorch/train_configs.py#L244-L278
 */
export const decoderConfig = knownKeys(
  {
    unets: z.array(unetConfig).check(z.minLength(1), z.maxLength(MAX_LIST)),
    image_size: optional(count),
    image_sizes: optional(z.array(count).check(z.minLength(1), z.maxLength(MAX_LIST))),
    clip: optional(adapterConfig),
    channels: withDefault(count, 3),
    timesteps: withDefault(timesteps, 1000),
    sample_timesteps: optional(oneOrMany(z.nullable(count))),
    beta_schedule: optional(oneOrMany(betaScheduleName)),
    learned_variance: withDefault(oneOrMany(flag), true),
    learned_variance_constrain_frac: withDefault(flag, false),
    predict_x_start: withDefault(oneOrMany(flag), false),
    predict_x_start_for_latent_diffusion: withDefault(flag, false),
    predict_v: withDefault(oneOrMany(flag), false),
    use_noise_for_lowres_cond: withDefault(oneOrMany(flag), false),
    lowres_noise_sample_level: withDefault(probability, 0.2),
    image_cond_drop_prob: withDefault(probability, 0.1),
    text_cond_drop_prob: withDefault(probability, 0.5),
    unconditional: withDefault(flag, false),
    auto_normalize_img: withDefault(flag, true),
    use_dynamic_thres: withDefault(flag, false),
    dynamic_thres_percentile: optional(probability),
    ddim_sampling_eta: optional(z.number().check(z.minimum(0))),
    vae: only([[], {}], "latent diffusion"),
    /** Of 0.16.18 to 0.23.9, the last of which sampled with it too. */
    lowres_downsample_mode_nearest: only(false, "images enlarged by their nearest pixels"),
  },
  {
    "of training": [
      "loss_type",
      "vb_loss_weight",
      "p2_loss_weight_gamma",
      "p2_loss_weight_k",
      "random_crop_sizes",
      "blur_prob",
      "blur_sigma",
      "blur_kernel_size",
      "use_blur_for_lowres_cond",
      "lowres_downsample_first",
    ],
    "stored by the constructor, but never used": ["clip_denoised", "clip_x_start"],
    "the load config has the CLIP": ["clip_adapter_overrides"],
    "of versions before 0.12, whose U-Nets have it too": ["condition_on_text_encodings"],
  },
);
export type DecoderConfig = z.output<typeof decoderConfig>;

/**
 * Arguments of the reference's `DiffusionPriorNetwork` and of the causal transformer in it.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/680dfc4d93b70f9ab23c814a22ca18017a738ef6/dalle2_pytorch/train_configs.py#L134-L158
 */
export const priorNetConfig = knownKeys(
  {
    dim: count,
    depth: layers,
    max_text_len: withDefault(count, 256),
    num_timesteps: optional(timesteps),
    num_time_embeds: withDefault(count, 1),
    num_image_embeds: withDefault(count, 1),
    num_text_embeds: withDefault(count, 1),
    dim_head: withDefault(count, 64),
    heads: withDefault(count, 8),
    ff_mult: withDefault(count, 4),
    norm_in: withDefault(flag, false),
    norm_out: withDefault(flag, true),
    final_proj: withDefault(flag, true),
    normformer: withDefault(flag, false),
    rotary_emb: withDefault(flag, true),
    self_cond: withDefault(flag, false),
    /** Only in 0.22.2. */
    attend_all_text_encodings: only(true, "a prior that does not attend to every text encoding"),
    /** Of versions before 0.0.105. */
    l2norm_output: only(false, "a prior whose output is normed"),
  },
  { "of training": ["attn_dropout", "ff_dropout"] },
);
export type PriorNetConfig = z.output<typeof priorNetConfig>;

/**
 * Arguments of the reference's `DiffusionPrior`: the fields of DiffusionPriorConfig and every option that sampling reads.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/680dfc4d93b70f9ab23c814a22ca18017a738ef6/dalle2_pytorch/train_configs.py#L160-L188
 */
export const priorConfig = knownKeys(
  {
    clip: optional(adapterConfig),
    net: priorNetConfig,
    image_embed_dim: count,
    image_size: optional(count),
    image_channels: withDefault(count, 3),
    timesteps: withDefault(timesteps, 1000),
    sample_timesteps: optional(count),
    cond_drop_prob: withDefault(probability, 0),
    text_cond_drop_prob: optional(probability),
    image_cond_drop_prob: optional(probability),
    predict_x_start: withDefault(flag, true),
    predict_v: withDefault(flag, false),
    beta_schedule: withDefault(betaScheduleName, "cosine"),
    condition_on_text_encodings: withDefault(flag, true),
    sampling_clamp_l2norm: withDefault(flag, false),
    sampling_final_clamp_l2norm: withDefault(flag, false),
    init_image_embed_l2norm: withDefault(flag, false),
    image_embed_scale: optional(z.number().check(z.positive())),
  },
  {
    "of training": ["loss_type", "training_clamp_l2norm"],
    "the load config has the CLIP": ["clip_adapter_overrides"],
  },
);
export type PriorConfig = z.output<typeof priorConfig>;

/**
 * A whole decoder config file (the reference's TrainDecoderConfig); only `decoder` matters for inference.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/680dfc4d93b70f9ab23c814a22ca18017a738ef6/dalle2_pytorch/train_configs.py#L338-L382
 */
export const trainDecoderConfig = z.looseObject({ decoder: decoderConfig });
export type TrainDecoderConfig = z.output<typeof trainDecoderConfig>;

/**
 * A whole prior config file (the reference's TrainDiffusionPriorConfig); only `prior` matters for inference.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/680dfc4d93b70f9ab23c814a22ca18017a738ef6/dalle2_pytorch/train_configs.py#L214-L224
 */
export const trainPriorConfig = z.looseObject({ prior: priorConfig });
export type TrainPriorConfig = z.output<typeof trainPriorConfig>;

/**
 * Warnings for keys of U-Nets that no version of their constructor has. All versions ignore such keys, and so does this
 * library.
 */
export function describeIgnored({ decoder }: TrainDecoderConfig): string[] {
  const known = new Set([...Object.keys(unetConfig.shape), ...keysOf(UNET_HARMLESS)]);
  return decoder.unets.flatMap((unet, i) => {
    const unknown = Object.keys(unet).filter((key) => !known.has(key));
    return describeUnknown(unknown, [...known]).map(
      (one) => `decoder.unets[${i}]: ${one} (it is ignored, as in DALLE2-pytorch)`,
    );
  });
}
