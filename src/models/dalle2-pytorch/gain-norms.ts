import type { GainNormOptions } from "../../nn/gain-norm.js";
import type { NetworkDialect } from "./dialect/flags.js";

/** The reference's own layer norms as a version has them, but for the one behind the prior's last layer. */
export function gainNorms({ normParam, lnStable }: NormFlags): GainNormOptions {
  return { gain: normParam, stable: lnStable === "all" };
}

/** The norm behind the prior's last layer. */
export function lastPriorNorm({ normParam, lnStable }: NormFlags): GainNormOptions {
  return { gain: normParam, stable: lnStable !== "none" };
}

type NormFlags = Pick<NetworkDialect, "normParam" | "lnStable">;
