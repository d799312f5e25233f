import type { UnetOptions } from "../../config/resolve.js";
import type { NormDialect } from "../../nn/gain-norm.js";
import type { Logits } from "../../nn/multi-query-attention.js";
import type { LinearAttentionVariant } from "../../ops/linear-attention.js";
import type { NetworkDialect } from "../../weights/dialect-flags.js";
import { UnsupportedError } from "../../weights/unsupported-error.js";
import { layoutOf, type Layout } from "./layout.js";

/** One resolution of a U-Net, on the way down and again on the way up. */
export interface Stage {
  readonly dimIn: number;
  readonly dimOut: number;
  /** Channels of the residual blocks on the way down, and so of the skips: `dimOut` if the stage downsamples first. */
  readonly dimDown: number;
  readonly groups: number;
  readonly blocks: number;
  /** What the stage ends in: multi-query attention over all positions, linear attention, or nothing. */
  readonly attention: "self" | "linear" | "none";
  /** Whether the residual blocks attend to the conditioning tokens; those of the largest resolution do not. */
  readonly crossAttend: boolean;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** A U-Net's options as the version that trained it took them, with the layers and numbers that it chose. */
export interface Architecture extends Omit<
  UnetOptions,
  "selfAttn" | "sparseAttn" | "numResnetBlocks" | "resnetGroups"
> {
  readonly layout: Layout;
  readonly stages: readonly Stage[];
  /** Width of the time condition. */
  readonly timeCondDim: number;
  /** Groups of the blocks outside of the stages. */
  readonly outerGroups: { readonly first: number; readonly middle: number };
  readonly skipScale: number;
  readonly norms: NormDialect;
  /** Where in a residual block its weights lie, and what its softmax takes. */
  readonly crossAttention: { readonly path: "cross_attn" | "cross_attn.fn"; readonly logits: Logits };
  readonly selfAttention: Logits;
  readonly linearAttention: LinearAttentionVariant;
  readonly downsample: "unshuffle" | "strided" | "crossEmbed";
  readonly upsample: "pixelShuffle" | "nearest";
  /** Whether the low-resolution image is seen again by the last convolution. */
  readonly lowresAtEnd: boolean;
}

/** Where an attention compares directions only, logits are 16 times the cosine. */
const COSINE: Logits = { cosine: true, scale: 16 };
/** Channels of a head of cross-attention; the reference has no option for them. */
export const CROSS_DIM_HEAD = 64;

/**
 * Settles what a U-Net is made of. Throws `UnsupportedError` for dialects whose layers or wiring are not there.
 */
export function unetArchitecture(options: UnetOptions, dialect: NetworkDialect): Architecture {
  const layout = layoutOf(dialect);
  requireSupported(dialect);
  const memoryEfficient = dialect.memEff === "byConfig" ? options.memoryEfficient : dialect.memEff === "always";
  const { resnetGroups } = options;
  return {
    ...options,
    layout,
    stages: stagesOf(options, memoryEfficient),
    timeCondDim: options.dim * 4,
    outerGroups: { first: resnetGroups[0]!, middle: resnetGroups.at(-1)! },
    memoryEfficient,
    initCrossEmbed: dialect.initConv === "crossEmbed" || options.initCrossEmbed,
    skipScale: dialect.skipScale === "byConfig" && options.scaleSkipConnection ? Math.SQRT1_2 : 1,
    resnetWeightStandardization: dialect.weightStd === "byConfig" && options.resnetWeightStandardization,
    selfCond: dialect.unetSelfCond === "byConfig" && options.selfCond,
    lowresNoiseCond: dialect.lowresNoise === "byConfig" && options.lowresNoiseCond,
    combineUpsampleFmaps: dialect.upsampleCombiner === "byConfig" && options.combineUpsampleFmaps,
    finalConvKernelSize: dialect.finalHead === "finalResnet3x3" ? 3 : options.finalConvKernelSize,
    lowresAtEnd: dialect.lowresConcatEnd === "on" && options.lowresCond,
    norms: dialect,
    crossAttention: {
      path: dialect.crossKey === "fn" ? "cross_attn.fn" : "cross_attn",
      logits: crossAttentionLogits(options, dialect),
    },
    selfAttention: selfAttentionLogits(options, dialect),
    linearAttention: LINEAR_ATTENTION[dialect.linearAttn],
    downsample: downsampleOf(options, dialect),
    upsample: upsampleOf(options, dialect),
  };
}

const LINEAR_ATTENTION = {
  plain: "plain",
  vHw: "v_hw",
  l2vSqrt: "l2v_sqrt",
} as const satisfies Record<NetworkDialect["linearAttn"], LinearAttentionVariant>;

/** Values of flags whose layers exist here; every value of the flags not listed does. */
const SUPPORTED = {
  film: ["scaleShift"],
  imageHiddens: ["nulled"],
  finalHead: ["finalResnet3x3", "finalResnet"],
  finalResidual: ["on"],
  unetTextPad: ["nullEmbed"],
} as const satisfies { readonly [Flag in keyof NetworkDialect]?: readonly NetworkDialect[Flag][] };

function requireSupported(dialect: NetworkDialect): void {
  for (const [flag, values] of Object.entries<readonly string[]>(SUPPORTED)) {
    const value = dialect[flag as keyof typeof SUPPORTED];
    if (!values.includes(value)) throw unsupported(flag, value);
  }
}

function unsupported(flag: string, value: string): UnsupportedError {
  return new UnsupportedError(
    `U-Nets of the dialect ${flag} "${value}" are not supported yet; those of DALLE2-pytorch 0.21.1 and later are.`,
  );
}

function stagesOf(options: UnetOptions, memoryEfficient: boolean): readonly Stage[] {
  const { dim, dimMults, initDim, selfAttn, sparseAttn } = options;
  const dims = [initDim, ...dimMults.map((mult) => dim * mult)];
  return dimMults.map((_, i) => {
    const dimIn = dims[i]!;
    const dimOut = dims[i + 1]!;
    const withoutSelf = sparseAttn ? "linear" : "none";
    return {
      dimIn,
      dimOut,
      dimDown: memoryEfficient ? dimOut : dimIn,
      groups: options.resnetGroups[i]!,
      blocks: options.numResnetBlocks[i]!,
      attention: selfAttn[i] ? "self" : withoutSelf,
      crossAttend: i > 0,
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
 * From 1.4.3 on the reference scales queries once, and then queries and keys by the root of the scale each, which makes
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
      if (options.nearestUpsample) return "nearest";
      throw unsupported("upsample", dialect.upsample);
    case "convTransposeSame":
      throw unsupported("upsample", dialect.upsample);
  }
}
