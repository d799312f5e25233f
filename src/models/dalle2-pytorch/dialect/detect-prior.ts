import { clue, type Clue } from "./candidates.js";
import type { TensorScope } from "../../../weights/formats/tensor-scope.js";

/** All that the names of a prior's network tell about the version that trained it (REFERENCE.md §3, §10, §11). */
export function priorClues(network: TensorScope): readonly Clue[] {
  return [...normRules(network), ...paddingRules(network)].map((found) => ({
    ...found,
    detail: network.prefix + found.detail,
  }));
}

function normRules(network: TensorScope): Clue[] {
  const gain = network.find(/\.norm\.(?:gamma|g)$/);
  return gain ? [clue("normParam", [gain.endsWith(".g") ? "g" : "gamma"], "names", gain)] : [];
}

/** Learned padding came first. Learned tokens for the null pass came later, under another name. */
function paddingRules(network: TensorScope): Clue[] {
  if (network.has("null_text_encodings")) {
    return [clue("priorCfg", ["nullsAll", "nullsKeepTextEmbed"], "names", "null_text_encodings")];
  }
  if (network.has("null_text_embed")) return [clue("priorCfg", ["noop"], "names", "null_text_embed")];
  return [clue("priorCfg", ["mask"], "absence", "no null_text_embed, no null_text_encodings")];
}
