/**
 * Which version of DALLE2-pytorch computes what: the values of each flag, in the order of the versions that introduced them.
 *
 * Read from the history of lucidrains/DALLE2-pytorch. A version is the first release with the change. A version between two
 * entries belongs to the earlier one, so versions that were never released need no entry.
 */
import type { NetworkDialect, SamplerDialect } from "./flags.js";

/** `[first version, value]` in ascending order. */
export type History<Value> = readonly (readonly [version: string, value: Value])[];
export type Histories<Flags> = { readonly [Flag in keyof Flags]: History<Flags[Flag]> };

/** The oldest version that this table covers, and the start of every history. */
export const OLDEST = "0.5.0";
/** The newest version that this table was checked against. Later ones are assumed to compute the same. */
export const CURRENT = "1.15.6";

export const NETWORK_HISTORY: Histories<NetworkDialect> = {
  noisePrefix: [
    [OLDEST, "root"],
    ["0.11.0", "noiseScheduler"],
  ],
  normParam: [
    [OLDEST, "gamma"],
    ["0.16.0", "g"],
  ],
  lnStable: [
    [OLDEST, "none"],
    ["0.16.2", "all"],
    ["0.23.3", "finalPrior"],
  ],
  lnHalfEps: [
    [OLDEST, 1e-5],
    ["1.4.2", 1e-3],
  ],
  priorAttn: [
    [OLDEST, "scaled"],
    ["1.4.3", "cosine16"],
  ],
  relposMult: [
    [OLDEST, 1],
    ["0.16.2", 1024],
    ["0.23.3", 128],
    ["1.4.3", 1],
  ],
  unetSelfScale: [
    [OLDEST, "rsqrt"],
    ["1.4.3", "reciprocalOrCosine16"],
  ],
  linearAttn: [
    [OLDEST, "plain"],
    ["1.2.0", "vHw"],
    ["1.4.0", "l2vSqrt"],
  ],
  crossAttn: [
    [OLDEST, "scaled"],
    ["1.4.0", "byConfig"],
  ],
  crossKey: [
    [OLDEST, "fn"],
    ["1.14.0", "bare"],
  ],
  film: [
    [OLDEST, "add"],
    ["0.5.2", "scaleShift"],
  ],
  imageHiddens: [
    [OLDEST, "none"],
    ["0.6.0", "unnulled"],
    ["0.7.0", "nulled"],
  ],
  layout: [
    [OLDEST, "ASingle"],
    ["0.5.5", "A"],
    ["0.8.0", "B"],
    ["0.8.1", "C"],
    ["0.9.1", "CAllUps"],
    ["0.14.0", "D"],
    ["0.15.3", "E"],
  ],
  upsample: [
    [OLDEST, "convTransposeSame"],
    ["0.14.0", "nearestConv"],
    ["0.15.0", "convTranspose"],
    ["0.21.0", "pixelShuffle"],
  ],
  downsample: [
    [OLDEST, "conv4x4"],
    ["1.10.0", "unshuffle1x1"],
  ],
  memEff: [
    [OLDEST, "never"],
    ["0.8.0", "always"],
    ["0.8.1", "byConfig"],
  ],
  finalHead: [
    [OLDEST, "finalConv"],
    ["0.14.0", "finalResnet3x3"],
    ["0.15.0", "finalResnet"],
  ],
  finalResidual: [
    [OLDEST, "off"],
    ["0.9.2", "on"],
  ],
  lowresConcatEnd: [
    [OLDEST, "off"],
    ["0.24.0", "on"],
  ],
  initConv: [
    [OLDEST, "crossEmbed"],
    ["0.24.3", "byConfig"],
  ],
  skipScale: [
    [OLDEST, "one"],
    ["0.12.3", "byConfig"],
  ],
  weightStd: [
    [OLDEST, "off"],
    ["1.7.0", "byConfig"],
  ],
  unetSelfCond: [
    [OLDEST, "off"],
    ["1.6.0", "byConfig"],
  ],
  priorSelfCond: [
    [OLDEST, "off"],
    ["1.6.1", "imageImageZero"],
    ["1.6.3", "imageImageSelf"],
    ["1.12.1", "imageSelfQuery"],
  ],
  lowresNoise: [
    [OLDEST, "off"],
    ["0.25.0", "byConfig"],
  ],
  upsampleCombiner: [
    [OLDEST, "off"],
    ["1.1.0", "byConfig"],
  ],
  unetTextPad: [
    [OLDEST, "mask"],
    ["0.21.1", "nullEmbed"],
  ],
  priorTextPad: [
    [OLDEST, "maskOrOnes"],
    ["0.21.1", "maskOrNonZero"],
    ["0.22.0", "nonZero"],
    ["0.22.2", "ones"],
    ["0.23.1", "nullTokens"],
  ],
  priorCfg: [
    [OLDEST, "mask"],
    ["0.23.1", "noop"],
    ["1.9.0", "nullsKeepTextEmbed"],
    ["1.10.4", "nullsAll"],
  ],
  priorTime: [
    [OLDEST, "sinusFloat"],
    ["0.16.9", "sinusInt"],
    ["1.10.8", "sinusFloat"],
  ],
  clipTextMask: [
    [OLDEST, "ne0Raw"],
    ["0.20.0", "ne0"],
    ["0.23.8", "eos"],
    ["1.11.4", "eosAndNe0"],
  ],
  lowresResize: [
    [OLDEST, "cubic"],
    ["0.16.16", "cubicClamp"],
    ["0.23.10", "nearest"],
  ],
};

/**
 * The samplers as they were written. Versions before 0.19.1 have no DDIM and use the current one. So do versions whose
 * sampler raised an error (such as inpainting before 0.26.0).
 */
export const SAMPLER_HISTORY: Histories<SamplerDialect> = {
  ddimAlphas: [
    [OLDEST, "cumprod"],
    ["0.19.1", "prev"],
    ["1.10.3", "cumprod"],
  ],
  ddimGridDecoder: [
    [OLDEST, "descending"],
    ["0.19.1", "allPairs"],
    ["1.10.3", "descending"],
  ],
  ddimGridPrior: [
    [OLDEST, "toMinusOne"],
    ["0.19.1", "asDecoder"],
    ["1.10.3", "toMinusOne"],
  ],
  ddimEta: [
    [OLDEST, 0],
    ["0.19.1", 1],
    ["1.12.0", 0],
  ],
  ddimNoiseDecoder: [
    [OLDEST, "clamped"],
    ["0.19.1", "rawOrUnclamped"],
    ["1.11.1", "rawOrClamped"],
    ["1.12.3", "clamped"],
  ],
  ddimNoisePrior: [
    [OLDEST, "clamped"],
    ["0.19.1", "rawOrUnclamped"],
    ["1.10.5", "rawOrClamped"],
    ["1.12.3", "clamped"],
  ],
  ddimNoiseSign: [
    [OLDEST, "right"],
    ["0.19.1", "negated"],
    ["0.25.2", "right"],
  ],
  ddimLastNoise: [
    [OLDEST, "off"],
    ["0.19.1", "on"],
    ["0.19.4", "off"],
  ],
  ddimPriorUpdate: [
    [OLDEST, "on"],
    ["0.19.1", "off"],
    ["0.19.5", "on"],
  ],
  ddimLowresNormalize: [
    [OLDEST, "on"],
    ["0.19.1", "off"],
    ["0.23.4", "on"],
  ],
  priorCfgMask: [
    [OLDEST, "inPlace"],
    ["0.22.0", "fresh"],
  ],
  textMaskDefault: [
    [OLDEST, "allText"],
    ["0.20.0", "nonZero"],
  ],
  dynamicThresPercentile: [
    [OLDEST, 0.9],
    ["0.26.1", 0.95],
  ],
  inpaint: [
    [OLDEST, "repaint"],
    ["0.26.0", "renoise"],
    ["1.0.5", "repaint"],
  ],
};

/**
 * What `sampler: "fixed"` corrects in all versions. Choices that were no mistakes (grids, eta, percentile) stay as in the
 * version.
 */
export const SAMPLER_FIXES = {
  ddimAlphas: "cumprod",
  ddimGridDecoder: "descending",
  ddimNoiseDecoder: "clamped",
  ddimNoisePrior: "clamped",
  ddimNoiseSign: "right",
  ddimLastNoise: "off",
  ddimPriorUpdate: "on",
  ddimLowresNormalize: "on",
  priorCfgMask: "fresh",
  textMaskDefault: "nonZero",
  inpaint: "repaint",
} as const satisfies Partial<SamplerDialect>;
