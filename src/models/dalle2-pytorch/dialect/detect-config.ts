import { trainDecoderConfig, trainPriorConfig } from "../train-config.js";
import { clue, type Clue } from "./candidates.js";
import type { KnownConfig } from "./relevance.js";

/** What a train config says, as far as it is one; a config that does not fit is for whoever loads it to refuse. */
export function knownConfig(config: unknown): KnownConfig {
  return {
    decoder: trainDecoderConfig.safeParse(config).data?.decoder,
    prior: trainPriorConfig.safeParse(config).data?.prior,
  };
}

/** Options of a U-Net whose weights do not tell the version, and the flag of the first that had them. */
const UNET_OPTIONS = [
  { option: "scale_skip_connection", flag: "skipScale", value: "byConfig" },
  { option: "cosine_sim_cross_attn", flag: "crossAttn", value: "byConfig" },
  { option: "cosine_sim_self_attn", flag: "unetSelfScale", value: "reciprocalOrCosine16" },
  { option: "resnet_weight_standardization", flag: "weightStd", value: "byConfig" },
  // Of two versions that could repeat pixels by option, this is the first's name for it.
  { option: "nearest_upsample", flag: "upsample", value: "convTranspose" },
] as const;

/**
 * Options that only later versions had: whoever set one trained with such a version. Weaker than names and shapes, since
 * earlier versions took unknown options without a word.
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
