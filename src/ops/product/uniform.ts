import type { AdapterDescription } from "../../gpu/adapter.js";
import { libs } from "../../gpu/kernel-sources.js";
import type { ProductCall, ProductKernel } from "./call.js";

/** The most vec4s of columns of a workgroup: 16 columns of four rows fill the registers. */
const MAX_VECTORS = 4;

/** Returns the kernel for a product whose weights are read at the same address by all lanes. */
export function uniformKernel(
  { lanes = 8 }: Pick<AdapterDescription, "lanes">,
  { vectors, dtype, weights }: ProductCall,
): ProductKernel {
  // Workgroups side by side have about as many columns.
  const groupVectors = Math.ceil(vectors / Math.ceil(vectors / MAX_VECTORS));
  return {
    linear: "uniformMatmul",
    conv2d: "uniformConv2d",
    types: { Element: dtype },
    choices: { weights },
    constants: { LANES: lanes, VECTORS: groupVectors },
    tile: { rows: lanes * libs.uniform.LANE_ROWS, vectors: groupVectors },
    splits: 1,
  };
}
