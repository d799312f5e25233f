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
export function productKernel(stream: CommandStream, call: ProductCall): ProductKernel {
  const rule = stream.tuning.products.find((one) => isFor(one, call) && canRun(stream, one));
  if (rule?.kernel !== "broadcast") return direct;
  return { linear: "broadcastMatmul", conv2d: "broadcastConv2d", ...variantOf(stream, rule) };
}

/** A variant of the kernels that share loads by broadcast (kernels/lib/broadcast.wgsl). */
export interface BroadcastVariant {
  readonly constants: Readonly<Record<"LANES" | "OWN_ROWS", number>>;
  readonly tile: ProductTile;
}

/** Returns the variant for a product; undefined if the adapter cannot run any, or no rule of its table wants one. */
export function broadcastVariant(stream: CommandStream, call: ProductCall): BroadcastVariant | undefined {
  const rule = stream.tuning.products.find((one) => one.kernel === "broadcast" && isFor(one, call));
  return rule && canRun(stream, rule) ? variantOf(stream, rule) : undefined;
}

function isFor({ minRows = 1 }: ProductRule, { rows }: ProductCall): boolean {
  return rows >= minRows;
}

/** Broadcasts are between all lanes of a subgroup, so their number must be known. */
function canRun({ features, adapter: { lanes } }: CommandStream, { kernel }: ProductRule): boolean {
  return kernel === "direct" || (features.subgroups && (lanes === 4 || lanes === 8 || lanes === 16));
}

function variantOf({ adapter: { lanes = 1 } }: CommandStream, { ownRows = 1 }: ProductRule): BroadcastVariant {
  return { constants: { LANES: lanes, OWN_ROWS: ownRows }, tile: { rows: lanes * ownRows, vectors: lanes } };
}

/** Returns the workgroups that cover `rows` × `vectors` outputs of a product. Rows beyond the limit of y continue in z. */
export function productGrid(tile: ProductTile, rows: number, vectors: number): Grid {
  const y = Math.ceil(rows / tile.rows);
  return [Math.ceil(vectors / tile.vectors), Math.min(y, MAX_GROUPS), Math.ceil(y / MAX_GROUPS)];
}
