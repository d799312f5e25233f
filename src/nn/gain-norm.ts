import type { NetworkDialect } from "../models/dalle2-pytorch/dialect/flags.js";
import type { Weights } from "../weights/store.js";
import { LayerNorm } from "./layer-norm.js";

/** The part of a dialect that layer norms depend on. */
export type NormDialect = Pick<NetworkDialect, "normParam" | "lnStable">;

/**
 * The reference's own layer norm, which has a gain and no bias, as its version has it. `place` tells the norm behind the
 * prior's last layer from all others.
 */
export function gainNorm(
  weights: Weights,
  dim: number,
  dialect: NormDialect,
  place: "priorOutput" | "elsewhere" = "elsewhere",
): LayerNorm {
  // Beside a gamma lies a buffer of zeros.
  if (dialect.normParam === "gamma") weights.ignore("beta");
  const stable = dialect.lnStable === "all" || (dialect.lnStable === "finalPrior" && place === "priorOutput");
  return new LayerNorm(weights, dim, { parameters: { gain: dialect.normParam }, stable });
}
