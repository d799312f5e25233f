/**
 * Converts parsed training configs to the options of models and samplers: applies every default of the constructors, expands
 * scalars to lists, and applies the decoder's rules for its U-Nets (Decoder.__init__ of DALLE2-pytorch 1.14.2).
 */
import { counted } from "../../platform/counted.js";
import { ConfigError } from "../../config/config-error.js";
import type { BetaScheduleName, Objective } from "../../diffusion/schedule.js";
import type { AdapterConfig } from "../clip/config/adapter-config.js";
import type { DecoderConfig, PriorConfig, PriorNetConfig, UnetConfig } from "./train-config.js";

/** Every option of a U-Net. Lists per stage have one entry for each entry of `dimMults`. */
export interface UnetOptions {
  readonly dim: number;
  readonly dimMults: readonly number[];
  /** Width of the CLIP image embedding; null if the config names none (upsamplers need none). */
  readonly imageEmbedDim: number | null;
  /** Width of the text encodings; null if the config names none. */
  readonly textEmbedDim: number | null;
  readonly condDim: number;
  readonly numImageTokens: number;
  readonly numTimeTokens: number;
  readonly channels: number;
  /** Twice `channels` if the variance is learned. */
  readonly channelsOut: number;
  /** Per stage. */
  readonly selfAttn: readonly boolean[];
  readonly attnDimHead: number;
  readonly attnHeads: number;
  readonly lowresCond: boolean;
  readonly lowresNoiseCond: boolean;
  readonly selfCond: boolean;
  readonly sparseAttn: boolean;
  readonly cosineSimCrossAttn: boolean;
  readonly cosineSimSelfAttn: boolean;
  /** Used only by versions before 0.15.3. Later ones always attend at the bottleneck. */
  readonly attendAtMiddle: boolean;
  readonly condOnTextEncodings: boolean;
  readonly maxTextLen: number;
  readonly condOnImageEmbeds: boolean;
  readonly addImageEmbedsToTime: boolean;
  /** Channels of the first convolution. null: the version's default, which is `dim` since 0.8.0. */
  readonly initDim: number | null;
  readonly initConvKernelSize: number;
  /** Per stage. */
  readonly resnetGroups: readonly number[];
  readonly resnetWeightStandardization: boolean;
  /** Per stage. */
  readonly numResnetBlocks: readonly number[];
  readonly initCrossEmbed: boolean;
  readonly initCrossEmbedKernelSizes: readonly number[];
  readonly crossEmbedDownsample: boolean;
  readonly crossEmbedDownsampleKernelSizes: readonly number[];
  readonly memoryEfficient: boolean;
  readonly scaleSkipConnection: boolean;
  readonly pixelShuffleUpsample: boolean;
  /** Used only by versions 0.15.0 to 0.20. */
  readonly nearestUpsample: boolean;
  readonly finalConvKernelSize: number;
  readonly combineUpsampleFmaps: boolean;
}

/** What a decoder needs to sample with one of its U-Nets. */
export interface DecoderStage {
  readonly unet: UnetOptions;
  /** Side of the square image that this stage generates, in pixels. */
  readonly imageSize: number;
  readonly betaSchedule: BetaScheduleName;
  /** Default number of DDIM steps; null for all `timesteps` (DDPM). */
  readonly sampleTimesteps: number | null;
  readonly learnedVariance: boolean;
  /** What the U-Net predicts: noise, x0, or v (Salimans & Ho 2022). */
  readonly objective: Objective;
}

/** A decoder: its stages and their common options. */
export interface DecoderOptions {
  readonly stages: readonly DecoderStage[];
  readonly clip: AdapterConfig | null;
  readonly channels: number;
  readonly timesteps: number;
  readonly learnedVarianceConstrainFrac: boolean;
  /** Noise level of the low-resolution image, as a fraction of 1000 noising steps, if `lowresNoiseCond` is set. */
  readonly lowresNoiseSampleLevel: number;
  /** False if the decoder was trained without dropping its conditions. Guidance is then an error. */
  readonly canGuide: boolean;
  readonly unconditional: boolean;
  /** True if images are [0, 1] outside and [-1, 1] inside the process. */
  readonly autoNormalizeImg: boolean;
  readonly useDynamicThres: boolean;
  /** null: the default of the version that trained the model (see the sampler half of the dialect). */
  readonly dynamicThresPercentile: number | null;
  /** null: the default of the version that trained the model (see the sampler half of the dialect). */
  readonly ddimSamplingEta: number | null;
}

/** Every option of the prior's network. */
export interface PriorNetOptions {
  readonly dim: number;
  readonly depth: number;
  readonly maxTextLen: number;
  /** Size of the timestep embedding table; null for the continuous embedding (sinusoids and an MLP). */
  readonly numTimesteps: number | null;
  readonly numTimeEmbeds: number;
  readonly numImageEmbeds: number;
  readonly numTextEmbeds: number;
  readonly dimHead: number;
  readonly heads: number;
  readonly ffMult: number;
  readonly normIn: boolean;
  readonly normOut: boolean;
  readonly finalProj: boolean;
  readonly normformer: boolean;
  readonly rotaryEmb: boolean;
  readonly selfCond: boolean;
}

/** A diffusion prior: its network and its sampling options. */
export interface PriorOptions {
  readonly net: PriorNetOptions;
  readonly clip: AdapterConfig | null;
  readonly imageEmbedDim: number;
  readonly timesteps: number;
  /** Default number of DDIM steps; null for all `timesteps` (DDPM). */
  readonly sampleTimesteps: number | null;
  readonly objective: Objective;
  /** `predict_x_start` itself, which decides how predicted x0 is clamped, even if v is predicted. */
  readonly predictXStart: boolean;
  readonly betaSchedule: BetaScheduleName;
  readonly conditionOnTextEncodings: boolean;
  readonly samplingClampL2norm: boolean;
  readonly samplingFinalClampL2norm: boolean;
  readonly initImageEmbedL2norm: boolean;
  /** Factor of the embeddings inside the diffusion process. Default: √imageEmbedDim. */
  readonly imageEmbedScale: number;
  /** False if the prior was trained without dropping its conditions. Guidance is then an error. */
  readonly canGuide: boolean;
}

/** One value for all, or one for each: the reference's `cast_tuple`, which requires the exact length of a list. */
function spread<T>(value: T | readonly T[], length: number, what: string): readonly T[] {
  if (!isList(value)) return new Array<T>(length).fill(value);
  if (value.length !== length) {
    throw new ConfigError(`${what} has ${value.length} entries, but must have 1 or ${length}`);
  }
  return value;
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

/**
 * The options of a single U-Net, as its constructor sees them. `path` names it in errors.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1857-L2120
 */
export function resolveUnetConfig(config: UnetConfig, path = "unet"): UnetOptions {
  const stages = config.dim_mults.length;
  const options: UnetOptions = {
    dim: config.dim,
    dimMults: config.dim_mults,
    imageEmbedDim: config.image_embed_dim,
    textEmbedDim: config.text_embed_dim,
    condDim: config.cond_dim ?? config.dim,
    numImageTokens: config.num_image_tokens,
    numTimeTokens: config.num_time_tokens,
    channels: config.channels,
    channelsOut: config.channels_out ?? config.channels,
    selfAttn: spread(config.self_attn, stages, `${path}.self_attn`),
    attnDimHead: config.attn_dim_head,
    attnHeads: config.attn_heads,
    lowresCond: config.lowres_cond,
    lowresNoiseCond: config.lowres_noise_cond,
    selfCond: config.self_cond,
    sparseAttn: config.sparse_attn,
    cosineSimCrossAttn: config.cosine_sim_cross_attn,
    cosineSimSelfAttn: config.cosine_sim_self_attn,
    attendAtMiddle: config.attend_at_middle,
    condOnTextEncodings: config.cond_on_text_encodings,
    maxTextLen: config.max_text_len,
    condOnImageEmbeds: config.cond_on_image_embeds,
    addImageEmbedsToTime: config.add_image_embeds_to_time,
    initDim: config.init_dim,
    initConvKernelSize: config.init_conv_kernel_size,
    resnetGroups: spread(config.resnet_groups, stages, `${path}.resnet_groups`),
    resnetWeightStandardization: config.resnet_weight_standardization,
    numResnetBlocks: spread(config.num_resnet_blocks, stages, `${path}.num_resnet_blocks`),
    initCrossEmbed: config.init_cross_embed,
    initCrossEmbedKernelSizes: config.init_cross_embed_kernel_sizes,
    crossEmbedDownsample: config.cross_embed_downsample,
    crossEmbedDownsampleKernelSizes: config.cross_embed_downsample_kernel_sizes,
    memoryEfficient: config.memory_efficient,
    scaleSkipConnection: config.scale_skip_connection,
    pixelShuffleUpsample: config.pixel_shuffle_upsample,
    nearestUpsample: config.nearest_upsample,
    finalConvKernelSize: config.final_conv_kernel_size,
    combineUpsampleFmaps: config.combine_upsample_fmaps,
  };
  checkUnet(options, path);
  return options;
}

/** Rejects options with which the reference cannot be built or run. */
function checkUnet(unet: UnetOptions, path: string): void {
  if (unet.condOnImageEmbeds && unet.imageEmbedDim === null) {
    throw new ConfigError(`${path}.image_embed_dim is missing; a U-Net conditioned on image embeddings needs it`);
  }
  if (unet.condOnTextEncodings && unet.textEmbedDim === null) {
    throw new ConfigError(`${path}.text_embed_dim is missing; cond_on_text_encodings needs it`);
  }
}

/**
 * Applies the decoder's rules: lists per U-Net, sizes, schedules, and what it overrides in each U-Net.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2476-L2718
 */
export function resolveDecoderConfig(config: DecoderConfig): DecoderOptions {
  const count = config.unets.length;
  const imageSizes = resolveImageSizes(config);
  const betaSchedules = spread(config.beta_schedule ?? defaultBetaSchedules(count), count, "decoder.beta_schedule");
  const sampleTimesteps = spread(config.sample_timesteps, count, "decoder.sample_timesteps");
  const learnedVariance = resolveLearnedVariance(config);
  const lowresNoise = resolveLowresNoise(config);
  const objectives = resolveObjectives(config);
  checkSampleTimesteps(sampleTimesteps, config.timesteps, "decoder.sample_timesteps");

  const stages = config.unets.map((unet, i): DecoderStage => {
    const path = `decoder.unets[${i}]`;
    const castUnet: UnetConfig = {
      ...unet,
      lowres_cond: i > 0,
      lowres_noise_cond: lowresNoise[i]!,
      cond_on_image_embeds: !config.unconditional && i === 0,
      cond_on_text_encodings: !config.unconditional && unet.cond_on_text_encodings,
      channels: config.channels,
      channels_out: config.channels * (learnedVariance[i]! ? 2 : 1),
    };
    return {
      unet: resolveUnetConfig(castUnet, path),
      imageSize: imageSizes[i]!,
      betaSchedule: betaSchedules[i]!,
      sampleTimesteps: sampleTimesteps[i]!,
      learnedVariance: learnedVariance[i]!,
      objective: objectives[i]!,
    };
  });
  return {
    stages,
    clip: config.clip,
    channels: config.channels,
    timesteps: config.timesteps,
    learnedVarianceConstrainFrac: config.learned_variance_constrain_frac,
    lowresNoiseSampleLevel: config.lowres_noise_sample_level,
    canGuide: config.image_cond_drop_prob > 0 || config.text_cond_drop_prob > 0,
    unconditional: config.unconditional,
    autoNormalizeImg: config.auto_normalize_img,
    useDynamicThres: config.use_dynamic_thres,
    dynamicThresPercentile: config.dynamic_thres_percentile,
    ddimSamplingEta: config.ddim_sampling_eta,
  };
}

/** Sizes in ascending order without duplicates, one for each U-Net. */
function resolveImageSizes(config: DecoderConfig): readonly number[] {
  const { image_size: one, image_sizes: many } = config;
  if ((one === null) === (many === null)) {
    throw new ConfigError("decoder: give either image_size or image_sizes, not both");
  }
  const sizes = [...new Set(many ?? [one!])].sort((a, b) => a - b);
  if (sizes.length !== config.unets.length) {
    throw new ConfigError(
      `decoder.image_sizes: ${counted(sizes.length, "different size")} (${sizes.join(", ")}) for ${counted(config.unets.length, "U-Net")}`,
    );
  }
  return sizes;
}

/** Cosine for all, but linear for the last of several (DALLE2-pytorch since 0.11.0). */
function defaultBetaSchedules(count: number): readonly BetaScheduleName[] {
  return Array.from({ length: count }, (_, i) => (i > 0 && i === count - 1 ? "linear" : "cosine"));
}

/** A scalar, or a list that is too short, applies only to the first U-Nets. The others learn no variance. */
function resolveLearnedVariance(config: DecoderConfig): readonly boolean[] {
  const given: readonly boolean[] = isList(config.learned_variance)
    ? config.learned_variance
    : [config.learned_variance];
  return config.unets.map((_, i) => given[i] ?? false);
}

/** The first U-Net has no low-resolution image, so a list may omit it. */
function resolveLowresNoise(config: DecoderConfig): readonly boolean[] {
  const count = config.unets.length;
  const given = config.use_noise_for_lowres_cond;
  if (!isList(given)) return config.unets.map((_, i) => i > 0 && given);
  const all = given.length < count ? [false, ...given] : given;
  if (all.length !== count || all[0]!) {
    throw new ConfigError(
      `decoder.use_noise_for_lowres_cond: expected one flag for each of the ${count - 1} U-Nets after the first, got [${given.join(", ")}]`,
    );
  }
  return all;
}

function resolveObjectives(config: DecoderConfig): readonly Objective[] {
  const count = config.unets.length;
  // Latent diffusion predicts x0 for stages that have a VAE. A config cannot name a VAE, so no stage has one here.
  const xStart = config.predict_x_start_for_latent_diffusion ? false : config.predict_x_start;
  const predictXStart = spread(xStart, count, "decoder.predict_x_start");
  const predictV = spread(config.predict_v, count, "decoder.predict_v");
  return predictV.map((v, i) => objectiveOf(v, predictXStart[i]!));
}

function objectiveOf(predictV: boolean, predictXStart: boolean): Objective {
  if (predictV) return "v";
  return predictXStart ? "x0" : "noise";
}

function checkSampleTimesteps(given: readonly (number | null)[], timesteps: number, path: string): void {
  for (const steps of given) {
    if (steps !== null && steps > timesteps) {
      throw new ConfigError(`${path}: ${steps} sampling steps, but the model was trained with ${timesteps} timesteps`);
    }
  }
}

/** The options of the prior's network. */
export function resolvePriorNetConfig(config: PriorNetConfig): PriorNetOptions {
  return {
    dim: config.dim,
    depth: config.depth,
    maxTextLen: config.max_text_len,
    numTimesteps: config.num_timesteps,
    numTimeEmbeds: config.num_time_embeds,
    numImageEmbeds: config.num_image_embeds,
    numTextEmbeds: config.num_text_embeds,
    dimHead: config.dim_head,
    heads: config.heads,
    ffMult: config.ff_mult,
    normIn: config.norm_in,
    normOut: config.norm_out,
    finalProj: config.final_proj,
    normformer: config.normformer,
    rotaryEmb: config.rotary_emb,
    selfCond: config.self_cond,
  };
}

/**
 * The options of a diffusion prior (DiffusionPrior.__init__ of DALLE2-pytorch 1.14.2).
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1163-L1246
 */
export function resolvePriorConfig(config: PriorConfig): PriorOptions {
  if (config.net.dim !== config.image_embed_dim) {
    throw new ConfigError(
      `prior.net.dim is ${config.net.dim}, but prior.image_embed_dim is ${config.image_embed_dim}: they must be equal`,
    );
  }
  checkSampleTimesteps([config.sample_timesteps], config.timesteps, "prior.sample_timesteps");
  const textDrop = config.text_cond_drop_prob ?? config.cond_drop_prob;
  const imageDrop = config.image_cond_drop_prob ?? config.cond_drop_prob;
  return {
    net: resolvePriorNetConfig(config.net),
    clip: config.clip,
    imageEmbedDim: config.image_embed_dim,
    timesteps: config.timesteps,
    sampleTimesteps: config.sample_timesteps,
    objective: objectiveOf(config.predict_v, config.predict_x_start),
    predictXStart: config.predict_x_start,
    betaSchedule: config.beta_schedule,
    conditionOnTextEncodings: config.condition_on_text_encodings,
    samplingClampL2norm: config.sampling_clamp_l2norm,
    samplingFinalClampL2norm: config.sampling_final_clamp_l2norm,
    initImageEmbedL2norm: config.init_image_embed_l2norm,
    imageEmbedScale: config.image_embed_scale ?? Math.sqrt(config.image_embed_dim),
    canGuide: textDrop > 0 && imageDrop > 0,
  };
}
