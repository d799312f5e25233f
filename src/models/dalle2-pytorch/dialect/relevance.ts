/**
 * Which flags matter for a checkpoint. An unknown flag is worth a warning only if another value would compute something else
 * with these tensors.
 */
import type { DecoderConfig, PriorConfig } from "../train-config.js";
import { priorNetworkPart, unetParts, type Component } from "./component.js";
import type { NetworkDialect, SamplerDialect } from "./flags.js";
import type { Header, TensorScope } from "../../../weights/formats/tensor-scope.js";
import { UnetShapes } from "../inference/unet-shapes.js";

export type Flag = keyof NetworkDialect | keyof SamplerDialect;

/** What is known about a checkpoint besides its names and shapes. */
export interface KnownConfig {
  readonly decoder?: DecoderConfig | undefined;
  readonly prior?: PriorConfig | undefined;
}

/** The component that has a flag. */
type Owner = "unet" | "prior" | "both";

const OWNERS: Readonly<Record<Flag, Owner>> = {
  noisePrefix: "both",
  normParam: "both",
  lnStable: "both",
  lnHalfEps: "both",
  clipTextMask: "both",
  priorAttn: "prior",
  relposMult: "prior",
  priorSelfCond: "prior",
  priorTextPad: "prior",
  priorCfg: "prior",
  priorTime: "prior",
  unetSelfScale: "unet",
  linearAttn: "unet",
  crossAttn: "unet",
  crossKey: "unet",
  film: "unet",
  imageHiddens: "unet",
  layout: "unet",
  upsample: "unet",
  downsample: "unet",
  memEff: "unet",
  finalHead: "unet",
  finalResidual: "unet",
  lowresConcatEnd: "unet",
  initConv: "unet",
  skipScale: "unet",
  weightStd: "unet",
  unetSelfCond: "unet",
  lowresNoise: "unet",
  upsampleCombiner: "unet",
  unetTextPad: "unet",
  lowresResize: "unet",
  ddimAlphas: "unet",
  ddimGridDecoder: "unet",
  ddimEta: "unet",
  ddimNoiseDecoder: "unet",
  ddimLowresNormalize: "unet",
  textMaskDefault: "unet",
  dynamicThresPercentile: "unet",
  inpaint: "unet",
  ddimGridPrior: "prior",
  ddimNoisePrior: "prior",
  ddimPriorUpdate: "prior",
  priorCfgMask: "prior",
  ddimNoiseSign: "both",
  ddimLastNoise: "both",
};

/** The flags that a component has. */
export function flagsOf(component: Component): readonly Flag[] {
  if (component === "clip") return ["clipTextMask"];
  const other: Owner = component === "decoder" || component === "unet" ? "prior" : "unet";
  return (Object.keys(OWNERS) as Flag[]).filter((flag) => OWNERS[flag] !== other);
}

/** The flags that change what a checkpoint computes, unless its names and shapes settle them. */
export function relevantFlags(component: Component, header: Header, config: KnownConfig): ReadonlySet<Flag> {
  switch (component) {
    case "decoder":
      return new Set([...unetFlags(header), ...decoderSamplerFlags(config)]);
    case "unet":
      return new Set(unetFlags(header));
    case "prior":
      return new Set([...priorFlags(priorNetworkPart(header)!, config), ...PRIOR_SAMPLER]);
    case "priorNetwork":
      return new Set(priorFlags(priorNetworkPart(header)!, config));
    case "clip":
      return new Set();
  }
}

/*
 * Without `textMaskDefault`, since the newer choice is right for all; `lnHalfEps`, since norms are computed in float32;
 * `clipTextMask`, since texts with an end token give the same result; flags that names settle wherever they matter; and
 * `byConfig`, which the config settles.
 */
function unetFlags(header: Header): readonly Flag[] {
  return unetParts(header).flatMap((part): Flag[] => {
    const { tensors, wiring, input } = new UnetShapes(part);
    const flags: Flag[] = ["lnStable"];
    if (tensors.find(/\.fn\.fn\.to_q\.weight$/)) flags.push("unetSelfScale");
    if (tensors.find(/\.fn\.to_qkv\.weight$/)) flags.push("linearAttn");
    if (tensors.has("text_to_cond.weight")) flags.push("unetTextPad");
    if (input.lowresCond !== false) flags.push("lowresResize", "lowresConcatEnd");
    // B, and C if it downsamples first, have the same order of modules.
    if (wiring !== "downFirst") flags.push("layout");
    return flags;
  });
}

function priorFlags(network: TensorScope, { prior }: KnownConfig): readonly Flag[] {
  const flags: Flag[] = ["lnStable", "priorAttn", "relposMult", "priorTextPad", "priorCfg"];
  if (network.find(/^to_time_embeds\.0\.1\.net\./)) flags.push("priorTime");
  if (prior?.net.self_cond) flags.push("priorSelfCond");
  return flags;
}

const PRIOR_SAMPLER: readonly Flag[] = [
  "ddimGridPrior",
  "ddimNoisePrior",
  "ddimPriorUpdate",
  "ddimNoiseSign",
  "ddimLastNoise",
  "priorCfgMask",
];

function decoderSamplerFlags({ decoder }: KnownConfig): readonly Flag[] {
  const flags: Flag[] = ["ddimAlphas", "ddimGridDecoder", "ddimNoiseDecoder", "ddimNoiseSign", "ddimLastNoise"];
  flags.push("ddimLowresNormalize", "inpaint");
  if (decoder?.ddim_sampling_eta == null) flags.push("ddimEta");
  if (decoder?.use_dynamic_thres && decoder.dynamic_thres_percentile === null) flags.push("dynamicThresPercentile");
  return flags;
}
