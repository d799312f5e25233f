import { ConfigError } from "../../../config/config-error.js";
import { gainNorms } from "../gain-norms.js";
import type { UnetOptions } from "../options.js";
import type { GainNormOptions } from "../../../nn/gain-norm.js";
import type { Logits } from "../../../nn/multi-query-attention.js";
import type { LinearAttentionVariant } from "../../../ops/linear-attention.js";
import type { NetworkDialect } from "../dialect/flags.js";
import type { BlockNames } from "./block.js";
import { LAYOUTS, type Layout } from "./layout.js";

/** One resolution of a U-Net, on the way down and again on the way up. */
export interface Stage {
  readonly dimIn: number;
  readonly dimOut: number;
  /** Input channels of the first block on the way down: `dimOut` if the stage downsamples first. */
  readonly dimStart: number;
  /** Channels of the residual blocks on the way down, and so of the skips. */
  readonly dimDown: number;
  /** Channels of the residual blocks on the way up. */
  readonly dimUp: number;
  readonly groups: number;
  readonly blocks: number;
  /** The last layer of the stage: multi-query attention over all positions, linear attention, or nothing. */
  readonly attention: "self" | "linear" | "none";
  /** True if the residual blocks attend to the conditioning tokens, on the way down and up. */
  readonly crossAttend: boolean;
  readonly crossAttendUp: boolean;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** A U-Net's options as the version that trained it used them, with the layers and numbers that it chose. */
export interface Architecture extends Omit<
  UnetOptions,
  "selfAttn" | "sparseAttn" | "attendAtMiddle" | "numResnetBlocks" | "resnetGroups" | "finalConvKernelSize"
> {
  readonly layout: Layout;
  readonly stages: readonly Stage[];
  readonly initDim: number;
  /** Width of the time condition. */
  readonly timeCondDim: number;
  /** Groups of the blocks outside of the stages. */
  readonly outerGroups: { readonly first: number; readonly middle: number };
  readonly skipScale: number;
  readonly norms: GainNormOptions;
  /** How a residual block uses the time, and the names of its two halves. */
  readonly block: { readonly film: NetworkDialect["film"]; readonly names: BlockNames };
  /**
   * The path of the layer that makes tokens of the image embedding, and which part of the embedding is added to the time.
   */
  readonly imageCondition: {
    readonly tokens: "image_to_cond" | "image_to_tokens";
    readonly vector: NetworkDialect["imageHiddens"];
  };
  readonly textPadding: NetworkDialect["unetTextPad"];
  /** The path of cross-attention in a residual block, and its logits. */
  readonly crossAttention: { readonly path: "cross_attn" | "cross_attn.fn"; readonly logits: Logits };
  readonly selfAttention: Logits;
  /** True if the middle has self-attention. */
  readonly midAttention: boolean;
  readonly linearAttention: LinearAttentionVariant;
  readonly downsample: "unshuffle" | "strided" | "crossEmbed";
  readonly upsample: "pixelShuffle" | "nearest" | "transposed";
  readonly head: Head;
  /** True if the first feature map is also an input of the last block. */
  readonly firstMapAtEnd: boolean;
  /** True if the low-resolution image is also an input of the last convolution. */
  readonly lowresAtEnd: boolean;
}

/** The last block and the last convolution. */
export interface Head {
  /** Their paths. */
  readonly block: string;
  readonly conv: string;
  /** True if the block uses the time. */
  readonly timed: boolean;
  readonly kernelSize: number;
}

/** Attention that compares only directions has 16 times the cosine as logits. */
const COSINE: Logits = { cosine: true, scale: 16 };
/** Channels of each head of cross-attention. The reference has no option for them. */
export const CROSS_DIM_HEAD = 64;

/**
 * Determines the layers of a U-Net. Throws `ConfigError` for widths with which the reference cannot run.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1857-L2120
 */
export function unetArchitecture(options: UnetOptions, dialect: NetworkDialect): Architecture {
  const layout = LAYOUTS[dialect.layout];
  const { resnetGroups } = options;
  const memoryEfficient = dialect.memEff === "byConfig" ? options.memoryEfficient : dialect.memEff === "always";
  const firstMapAtEnd = dialect.finalResidual === "on";
  const initDim = options.initDim ?? layout.initDim(options.dim);
  if (options.dim % 2 !== 0 || options.dim < 4) {
    throw new ConfigError(`dim is ${options.dim}, but must be an even number of at least 4 (sinusoids of the time)`);
  }
  if (firstMapAtEnd && initDim !== options.dim) {
    throw new ConfigError(
      `init_dim is ${initDim}, but a U-Net of this version runs only if it equals dim (${options.dim})`,
    );
  }
  return {
    ...options,
    layout,
    stages: stagesOf({ ...options, initDim }, layout, memoryEfficient),
    initDim,
    timeCondDim: options.dim * 4,
    outerGroups: { first: resnetGroups[0]!, middle: resnetGroups.at(-1)! },
    memoryEfficient,
    initCrossEmbed: dialect.initConv === "crossEmbed" || options.initCrossEmbed,
    skipScale: dialect.skipScale === "byConfig" && options.scaleSkipConnection ? Math.SQRT1_2 : 1,
    resnetWeightStandardization: dialect.weightStd === "byConfig" && options.resnetWeightStandardization,
    selfCond: dialect.unetSelfCond === "byConfig" && options.selfCond,
    lowresNoiseCond: dialect.lowresNoise === "byConfig" && options.lowresNoiseCond,
    combineUpsampleFmaps: dialect.upsampleCombiner === "byConfig" && options.combineUpsampleFmaps,
    norms: gainNorms(dialect),
    block: { film: dialect.film, names: BLOCK_NAMES[dialect.film] },
    imageCondition: {
      tokens: dialect.imageHiddens === "none" ? "image_to_cond" : "image_to_tokens",
      vector: options.addImageEmbedsToTime ? dialect.imageHiddens : "none",
    },
    textPadding: dialect.unetTextPad,
    crossAttention: {
      path: dialect.crossKey === "fn" ? "cross_attn.fn" : "cross_attn",
      logits: crossAttentionLogits(options, dialect),
    },
    selfAttention: selfAttentionLogits(options, dialect),
    midAttention: layout.selfAttention || options.attendAtMiddle,
    linearAttention: LINEAR_ATTENTION[dialect.linearAttn],
    downsample: downsampleOf(options, dialect),
    upsample: upsampleOf(options, dialect),
    head: headOf(options, dialect),
    firstMapAtEnd,
    lowresAtEnd: dialect.lowresConcatEnd === "on" && options.lowresCond,
  };
}

const BLOCK_NAMES = {
  add: { project: "block.0", norm: "block.1" },
  scaleShift: { project: "project", norm: "norm" },
} as const satisfies Record<NetworkDialect["film"], BlockNames>;

const LINEAR_ATTENTION = {
  plain: "plain",
  vHw: "v_hw",
  l2vSqrt: "l2v_sqrt",
} as const satisfies Record<NetworkDialect["linearAttn"], LinearAttentionVariant>;

function stagesOf(
  options: UnetOptions & { readonly initDim: number },
  layout: Layout,
  memoryEfficient: boolean,
): readonly Stage[] {
  const { dim, dimMults, initDim, selfAttn, sparseAttn } = options;
  const dims = [initDim, ...dimMults.map((mult) => dim * mult)];
  return dimMults.map((_, i) => {
    const dimIn = dims[i]!;
    const dimOut = dims[i + 1]!;
    const dimStart = memoryEfficient ? dimOut : dimIn;
    const widensFirst = layout.widensIn === "initBlock";
    const withoutSelf = sparseAttn ? "linear" : "none";
    return {
      dimIn,
      dimOut,
      dimStart,
      dimDown: widensFirst ? dimOut : dimStart,
      dimUp: widensFirst ? dimIn : dimOut,
      groups: options.resnetGroups[i]!,
      blocks: options.numResnetBlocks[i]!,
      attention: layout.selfAttention && selfAttn[i] ? "self" : withoutSelf,
      crossAttend: i > 0,
      crossAttendUp: i >= layout.upCrossAttendFrom,
      isFirst: i === 0,
      isLast: i === dimMults.length - 1,
    };
  });
}

function crossAttentionLogits(options: UnetOptions, dialect: NetworkDialect): Logits {
  if (dialect.crossAttn === "byConfig" && options.cosineSimCrossAttn) return COSINE;
  return { cosine: false, scale: CROSS_DIM_HEAD ** -0.5 };
}

/**
 * Since 1.4.3 the reference scales queries once, and then queries and keys by the root of the scale each, which gives
 * 1/dimHead.
 */
function selfAttentionLogits({ attnDimHead, cosineSimSelfAttn }: UnetOptions, dialect: NetworkDialect): Logits {
  if (dialect.unetSelfScale === "rsqrt") return { cosine: false, scale: attnDimHead ** -0.5 };
  return cosineSimSelfAttn ? COSINE : { cosine: false, scale: 1 / attnDimHead };
}

function downsampleOf(options: UnetOptions, dialect: NetworkDialect): Architecture["downsample"] {
  if (options.crossEmbedDownsample) return "crossEmbed";
  return dialect.downsample === "conv4x4" ? "strided" : "unshuffle";
}

function upsampleOf(options: UnetOptions, dialect: NetworkDialect): Architecture["upsample"] {
  switch (dialect.upsample) {
    case "pixelShuffle":
      return options.pixelShuffleUpsample ? "pixelShuffle" : "nearest";
    case "nearestConv":
      return "nearest";
    case "convTranspose":
      return options.nearestUpsample ? "nearest" : "transposed";
    case "convTransposeSame":
      return "transposed";
  }
}

function headOf({ finalConvKernelSize }: UnetOptions, dialect: NetworkDialect): Head {
  const timed = { block: "final_resnet_block", conv: "to_out", timed: true };
  switch (dialect.finalHead) {
    case "finalConv":
      return { block: "final_conv.0", conv: "final_conv.1", timed: false, kernelSize: 1 };
    case "finalResnet3x3":
      return { ...timed, kernelSize: 3 };
    case "finalResnet":
      return { ...timed, kernelSize: finalConvKernelSize };
  }
}
