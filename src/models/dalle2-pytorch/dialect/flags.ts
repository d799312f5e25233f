import type { ClipTextMask } from "../../clip/text-mask.js";

/**
 * The differences between the versions of DALLE2-pytorch (0.5.0 to 1.15.6), one flag for each independent difference.
 *
 * `byConfig` means: since this version an option of the model's config decides. Before, the option did not exist and was
 * silently ignored.
 */

/** Architecture and numerics of the networks. Never changed: a network computes what it was trained to compute. */
export interface NetworkDialect {
  /**
   * Where the schedule's buffers are: at the root of the state dict, or below `noise_scheduler` (prior) and
   * `noise_schedulers.N` (decoder).
   */
  readonly noisePrefix: "root" | "noiseScheduler";
  /** Name of a layer norm's gain: `gamma` (with a `beta` buffer of zeros), or `g`. */
  readonly normParam: "gamma" | "g";
  /** Which layer norms first divide by the (signed) maximum over the normalised axis. */
  readonly lnStable: "none" | "all" | "finalPrior";
  /** Epsilon of layer norms over activations that are not float32. For float32 it is 1e-5 in every version. */
  readonly lnHalfEps: 1e-5 | 1e-3;
  /** Logits of the prior's attention: q·k/√d, or 16 times the cosine. */
  readonly priorAttn: "scaled" | "cosine16";
  /** Factor on the prior's relative position bias, an accident of the softmax in those versions. */
  readonly relposMult: 1 | 128 | 1024;
  /** Scale of the U-Net's self-attention: 1/√d, or 1/d, or 16 times the cosine if `cosine_sim_self_attn` is set. */
  readonly unetSelfScale: "rsqrt" | "reciprocalOrCosine16";
  /** Linear attention: plain; v over h·w; or v l2-normalised, then k and v over √(h·w) each. */
  readonly linearAttn: "plain" | "vHw" | "l2vSqrt";
  /** Cross-attention: q·k/√64; `byConfig`: 16 times the cosine if `cosine_sim_cross_attn` is set. */
  readonly crossAttn: "scaled" | "byConfig";
  /** Path of cross-attention in a residual block: `cross_attn.fn.X`, or `cross_attn.X`. */
  readonly crossKey: "fn" | "bare";
  /** How a residual block uses the time: added as a bias (keys `block1.block.N`), or as scale and shift. */
  readonly film: "add" | "scaleShift";
  /**
   * The image embedding in the time embedding: absent (tokens under `image_to_cond`), present also in the null pass, or
   * replaced by `null_image_hiddens` there.
   */
  readonly imageHiddens: "none" | "unnulled" | "nulled";
  /**
   * Order of the modules in a stage and of the skips (REFERENCE's layouts A to E). `ASingle`: A with a single residual block
   * instead of a list; `CAllUps`: C with an up stage for every resolution.
   */
  readonly layout: "ASingle" | "A" | "B" | "C" | "CAllUps" | "D" | "E";
  /**
   * Upsampling: transposed 4×4 convolution that keeps the width; nearest and 3×3 convolution; transposed convolution that
   * changes the width (or nearest if `nearest_upsample` is set); 1×1 convolution and pixel shuffle (or nearest if
   * `pixel_shuffle_upsample` is false).
   */
  readonly upsample: "convTransposeSame" | "nearestConv" | "convTranspose" | "pixelShuffle";
  /** Downsampling without `cross_embed_downsample`: 4×4 convolution of stride 2, or pixel unshuffle and 1×1 convolution. */
  readonly downsample: "conv4x4" | "unshuffle1x1";
  /** Whether stages downsample first. */
  readonly memEff: "never" | "always" | "byConfig";
  /** The last layers: `final_conv`; or `final_resnet_block` and a `to_out` of 3×3, or of `final_conv_kernel_size` (1). */
  readonly finalHead: "finalConv" | "finalResnet3x3" | "finalResnet";
  /** Whether the output of the first convolution is concatenated again before the last block. */
  readonly finalResidual: "off" | "on";
  /** Whether the low-resolution image is concatenated again before the last convolution. */
  readonly lowresConcatEnd: "off" | "on";
  /** The first convolution: three kernel sizes side by side, or one if `init_cross_embed` is false. */
  readonly initConv: "crossEmbed" | "byConfig";
  /** Skips scaled by 1/√2 if `scale_skip_connection` is set. */
  readonly skipScale: "one" | "byConfig";
  /** Weight standardisation if `resnet_weight_standardization` is set. */
  readonly weightStd: "off" | "byConfig";
  /** Self-conditioning of the U-Net if `self_cond` is set. */
  readonly unetSelfCond: "off" | "byConfig";
  /**
   * Last tokens of a self-conditioned prior; the output is read at the last. `imageImageZero`: as `imageImageSelf`, with
   * zeros for the self-conditioning.
   */
  readonly priorSelfCond: "off" | "imageImageZero" | "imageImageSelf" | "imageSelfQuery";
  /** Noise level of the low-resolution image as a condition, if the decoder sets it. */
  readonly lowresNoise: "off" | "byConfig";
  /** Concatenation of several upsampled feature maps before the last block, if `combine_upsample_fmaps` is set. */
  readonly upsampleCombiner: "off" | "byConfig";
  /**
   * Padding of the U-Net's text tokens: by the mask from the caller, or `null_text_embed` for every zero row and beyond the
   * given length.
   */
  readonly unetTextPad: "mask" | "nullEmbed";
  /**
   * Padding of the prior's text: masked as given, or not at all; masked as given, or where zero; masked where zero; not
   * masked; replaced by learned tokens.
   */
  readonly priorTextPad: "maskOrOnes" | "maskOrNonZero" | "nonZero" | "ones" | "nullTokens";
  /**
   * The prior's null pass: text masked; nothing (equal to the conditional pass); null embeddings without, or with, the text
   * embedding.
   */
  readonly priorCfg: "mask" | "noop" | "nullsKeepTextEmbed" | "nullsAll";
  /** The continuous time embedding (a prior without `num_timesteps`): of floats, or truncated to integers. */
  readonly priorTime: "sinusFloat" | "sinusInt";
  /**
   * Text positions that count: tokens other than 0, encodings unchanged; the same, others zeroed; up to the first end token;
   * up to it and other than 0.
   */
  readonly clipTextMask: ClipTextMask;
  /** How a low-resolution image is resized for the next stage: cubic (resize-right), the same clamped, or nearest. */
  readonly lowresResize: "cubic" | "cubicClamp" | "nearest";
}

/** How a version's samplers work. */
export interface SamplerDialect {
  /**
   * Which cumulative products the decoder's DDIM reads for a pair of times: ᾱ[t-1], or ᾱ[t]. The prior always reads ᾱ[t-1].
   */
  readonly ddimAlphas: "prev" | "cumprod";
  /** The decoder's DDIM pairs: all, or only those in which the time decreases. */
  readonly ddimGridDecoder: "allPairs" | "descending";
  /** The prior's DDIM grid: the decoder's, or one that ends at -1 and evaluates once less. */
  readonly ddimGridPrior: "asDecoder" | "toMinusOne";
  /** The decoder's eta if its config gives none. The prior's is always 1. */
  readonly ddimEta: 0 | 1;
  /**
   * The decoder's ε: the raw prediction if that is noise, else from the unclamped x0; the same from the clamped x0; always
   * from the clamped x0.
   */
  readonly ddimNoiseDecoder: "rawOrUnclamped" | "rawOrClamped" | "clamped";
  /** The same for the prior. */
  readonly ddimNoisePrior: "rawOrUnclamped" | "rawOrClamped" | "clamped";
  /** Sign of the ε that is computed from x0. */
  readonly ddimNoiseSign: "right" | "negated";
  /** Whether the last DDIM step adds noise too. */
  readonly ddimLastNoise: "off" | "on";
  /** Whether the prior's DDIM loop updates its state, or starts each step from the initial noise. */
  readonly ddimPriorUpdate: "on" | "off";
  /** Whether the decoder's DDIM normalises the low-resolution image to [-1, 1]. */
  readonly ddimLowresNormalize: "on" | "off";
  /** Whether guidance changes the mask in place, so that the text is masked in both passes from the second step on. */
  readonly priorCfgMask: "fresh" | "inPlace";
  /**
   * The text mask in samplers that get none: all rows, or rows that are not zero. U-Nets since 0.21.1 and priors since
   * 0.22.0 do this themselves.
   */
  readonly textMaskDefault: "allText" | "nonZero";
  /** Percentile of the dynamic threshold if the config gives none. */
  readonly dynamicThresPercentile: 0.9 | 0.95;
  /** Inpainting: new noise on the known region before each step, or RePaint's resampling. */
  readonly inpaint: "renoise" | "repaint";
}
