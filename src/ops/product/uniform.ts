import type { AdapterDescription } from "../../gpu/adapter.js";
import { libs } from "../../gpu/kernel-sources.js";
import type { ProductRule } from "../../gpu/tuning.js";
import type { ProductCall, ProductKernel } from "./call.js";

/** Returns the kernel for a product whose weights are read at the same address by all lanes. */
export function uniformKernel(
  { lanes = 8 }: Pick<AdapterDescription, "lanes">,
  { vectors = 4 }: ProductRule,
  { dtype, weights }: ProductCall,
): ProductKernel {
  return {
    linear: "uniformMatmul",
    conv2d: "uniformConv2d",
    types: { Element: dtype },
    choices: { weights },
    constants: { LANES: lanes, VECTORS: vectors },
    tile: { rows: lanes * libs.uniform.LANE_ROWS, vectors },
    splits: 1,
  };
}
