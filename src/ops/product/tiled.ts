import type { ProductRule } from "../../gpu/tuning.js";
import { splitsFor, type ProductCall, type ProductKernel } from "./call.js";

/** Rows, and columns, of the result that an invocation computes (kernels/lib/tiled.wgsl). */
const OWN = 8;

/** Returns the kernel for a product through workgroup memory. */
export function tiledKernel({ tile = [64, 64], fill }: ProductRule, call: ProductCall): ProductKernel {
  const { channels4, taps, dtype, weights } = call;
  const [groupRows, groupColumns] = [tile[0] / OWN, tile[1] / OWN];
  // Each invocation loads at most four vec4s of x, and of the weight.
  const depth4 = Math.min(4, groupRows / 2, groupColumns / 2);
  const size = { rows: tile[0], vectors: tile[1] / 4 };
  return {
    linear: "tiledMatmul",
    conv2d: "tiledConv2d",
    types: { Element: dtype, Stored: dtype },
    choices: { weights },
    constants: { GROUP_ROWS: groupRows, GROUP_COLUMNS: groupColumns, DEPTH4: depth4 },
    tile: size,
    splits: splitsFor(call, size, Math.ceil((channels4 * taps) / depth4), fill),
  };
}
