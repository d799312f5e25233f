import { kernels, libs } from "../../gpu/kernel-sources.js";
import { MAX_GROUPS, type Grid } from "../../gpu/grid.js";
import type { CommandStream } from "../../gpu/stream.js";
import type { ProductRule } from "../../gpu/tuning.js";
import type { ProductCall, ProductKernel, ProductTile } from "./call.js";
import { matrixKernel } from "./matrix.js";
import { tiledKernel } from "./tiled.js";

const { GROUP_COLUMNS, GROUP_ROWS } = libs.product;
const { TILE_ROWS, TILE_VECTORS } = kernels.matmul.constants;

/** The tile of the kernels that run everywhere. */
export const directTile: ProductTile = { rows: GROUP_ROWS * TILE_ROWS, vectors: GROUP_COLUMNS * TILE_VECTORS };

/** Returns the kernel for a product by the tuning table of the device. */
export function productKernel(stream: CommandStream, call: ProductCall): ProductKernel {
  for (const rule of stream.tuning.products) {
    if (call.rows < (rule.minRows ?? 1)) continue;
    const kernel = kernelOf(stream, rule, call);
    if (kernel) return kernel;
  }
  return direct(call);
}

/** Returns the kernel of a rule; undefined if the adapter or the kernel cannot compute the product. */
function kernelOf(stream: CommandStream, rule: ProductRule, call: ProductCall): ProductKernel | undefined {
  switch (rule.kernel) {
    case "direct":
      return direct(call);
    case "broadcast":
      return stream.features.subgroups ? broadcast(rule, stream.adapter.lanes, call) : undefined;
    case "tiled":
      return tiledKernel(rule, call);
    case "matrix":
      return matrixKernel(stream, rule, call);
  }
}

function direct({ dtype, weights }: ProductCall): ProductKernel {
  return {
    linear: "matmul",
    conv2d: "conv2d",
    types: { Element: dtype },
    choices: { weights },
    constants: {},
    tile: directTile,
    splits: 1,
  };
}

/** `lanes`: invocations of every subgroup, if all have the same number. */
function broadcast(
  { ownRows = 1 }: ProductRule,
  lanes: number | undefined,
  { dtype, weights }: ProductCall,
): ProductKernel | undefined {
  if (lanes !== 4 && lanes !== 8 && lanes !== 16) return undefined;
  return {
    linear: "broadcastMatmul",
    conv2d: "broadcastConv2d",
    types: { Element: dtype },
    choices: { weights },
    constants: { LANES: lanes, OWN_ROWS: ownRows },
    tile: { rows: lanes * ownRows, vectors: lanes },
    splits: 1,
  };
}

/** Returns the workgroups that cover `rows` × `vectors` outputs of a product. Rows beyond the limit of y continue in z. */
export function productGrid(tile: ProductTile, rows: number, vectors: number): Grid {
  const y = Math.ceil(rows / tile.rows);
  return [Math.ceil(vectors / tile.vectors), Math.min(y, MAX_GROUPS), Math.ceil(y / MAX_GROUPS)];
}
