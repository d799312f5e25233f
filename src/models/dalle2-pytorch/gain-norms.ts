import type { GainNormOptions } from "../../nn/gain-norm.js";
import type { NetworkDialect } from "./dialect/flags.js";

/**
 * The layer norms of the reference in a version, except the one after the prior's last layer.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L689-L705
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L707-L723
 */
export function gainNorms({ normParam, lnStable }: NormFlags): GainNormOptions {
  return { gain: normParam, stable: lnStable === "all" };
}

/** The norm after the prior's last layer. */
export function lastPriorNorm({ normParam, lnStable }: NormFlags): GainNormOptions {
  return { gain: normParam, stable: lnStable !== "none" };
}

type NormFlags = Pick<NetworkDialect, "normParam" | "lnStable">;
