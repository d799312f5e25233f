import type { GainNormOptions } from "../../nn/gain-norm.js";
import type { NetworkDialect } from "./dialect/flags.js";

/** The layer norms of the reference in a version, except the one after the prior's last layer. */
export function gainNorms({ normParam, lnStable }: NormFlags): GainNormOptions {
  return { gain: normParam, stable: lnStable === "all" };
}

/** The norm after the prior's last layer. */
export function lastPriorNorm({ normParam, lnStable }: NormFlags): GainNormOptions {
  return { gain: normParam, stable: lnStable !== "none" };
}

type NormFlags = Pick<NetworkDialect, "normParam" | "lnStable">;
