import { trainDecoderConfig, trainPriorConfig } from "../train-config.js";
import { clue, type Clue } from "./candidates.js";
import type { KnownConfig } from "./relevance.js";

/** The train config, as far as it is valid. Whoever loads an invalid config reports it. */
export function knownConfig(config: unknown): KnownConfig {
  return {
    decoder: trainDecoderConfig.safeParse(config).data?.decoder,
    prior: trainPriorConfig.safeParse(config).data?.prior,
  };
}

/** Options of a U-Net that leave no names, and the flag of the first version that has them. */
const UNET_OPTIONS = [
  { option: "scale_skip_connection", flag: "skipScale", value: "byConfig" },
  { option: "cosine_sim_cross_attn", flag: "crossAttn", value: "byConfig" },
  { option: "cosine_sim_self_attn", flag: "unetSelfScale", value: "reciprocalOrCosine16" },
  { option: "resnet_weight_standardization", flag: "weightStd", value: "byConfig" },
  // Two versions could repeat pixels by option; this is the name in the first.
  { option: "nearest_upsample", flag: "upsample", value: "convTranspose" },
] as const;

/**
 * Options that only later versions have: whoever set one trained with such a version. Weaker than names and shapes, since
 * earlier versions silently accept unknown options.
 */
export function configClues({ decoder, prior }: KnownConfig): readonly Clue[] {
  const clues: Clue[] = [];
  decoder?.unets.forEach((unet, i) => {
    for (const { option, flag, value } of UNET_OPTIONS) {
      if (unet[option]) clues.push(clue(flag, [value], "config", `decoder.unets[${i}].${option} is set`));
    }
  });
  if (prior?.net.self_cond) {
    clues.push(
      clue(
        "priorSelfCond",
        ["imageSelfQuery", "imageImageSelf", "imageImageZero"],
        "config",
        "prior.net.self_cond is set",
      ),
    );
  }
  // v was first predicted in 1.11.1.
  if (prior?.predict_v) clues.push(clue("priorCfg", ["nullsAll"], "config", "prior.predict_v is set"));
  return clues;
}
