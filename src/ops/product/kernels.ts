import { kernels, libs } from "../../gpu/kernel-sources.js";
import { MAX_GROUPS, type Grid } from "../../gpu/grid.js";
import type { CommandStream } from "../../gpu/stream.js";
import type { ProductRule } from "../../gpu/tuning.js";

/** A product, as far as the choice of its kernel depends on it. */
export interface ProductCall {
  /** Rows of the result: tokens or pixels. */
  readonly rows: number;
}

/** What a workgroup computes. */
export interface ProductTile {
  readonly rows: number;
  /** vec4s of columns. */
  readonly vectors: number;
}

/** A kernel for products. All kernels for `linear` have the same bindings and parameters, and so have those for `conv2d`. */
interface ProductKernel {
  readonly linear: "matmul" | "broadcastMatmul";
  readonly conv2d: "conv2d" | "broadcastConv2d";
  readonly constants: Readonly<Record<string, number>>;
  readonly tile: ProductTile;
}

const { GROUP_COLUMNS, GROUP_ROWS } = libs.product;
const { TILE_ROWS, TILE_VECTORS } = kernels.matmul.constants;

/** The tile of the kernels that run everywhere. */
export const directTile: ProductTile = { rows: GROUP_ROWS * TILE_ROWS, vectors: GROUP_COLUMNS * TILE_VECTORS };

const direct: ProductKernel = { linear: "matmul", conv2d: "conv2d", constants: {}, tile: directTile };

/** Returns the kernel for a product by the tuning table of the device. */
export function productKernel({ tuning, features, adapter }: CommandStream, { rows }: ProductCall): ProductKernel {
  for (const rule of tuning.products) {
    if (rows < (rule.minRows ?? 1)) continue;
    const kernel = rule.kernel === "direct" ? direct : features.subgroups ? broadcast(rule, adapter.lanes) : undefined;
    if (kernel) return kernel;
  }
  return direct;
}

/** `lanes`: invocations of every subgroup, if all have the same number. */
function broadcast({ ownRows = 1 }: ProductRule, lanes: number | undefined): ProductKernel | undefined {
  if (lanes !== 4 && lanes !== 8 && lanes !== 16) return undefined;
  return {
    linear: "broadcastMatmul",
    conv2d: "broadcastConv2d",
    constants: { LANES: lanes, OWN_ROWS: ownRows },
    tile: { rows: lanes * ownRows, vectors: lanes },
  };
}

/** Returns the workgroups that cover `rows` × `vectors` outputs of a product. Rows beyond the limit of y continue in z. */
export function productGrid(tile: ProductTile, rows: number, vectors: number): Grid {
  const y = Math.ceil(rows / tile.rows);
  return [Math.ceil(vectors / tile.vectors), Math.min(y, MAX_GROUPS), Math.ceil(y / MAX_GROUPS)];
}
