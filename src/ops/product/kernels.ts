import { kernels, libs } from "../../gpu/kernel-sources.js";
import { MAX_GROUPS, type Grid } from "../../gpu/grid.js";
import type { CommandStream } from "../../gpu/stream.js";
import type { ProductRule } from "../../gpu/tuning.js";
import type { ProductCall, ProductKernel, ProductTile } from "./call.js";
import { matrixKernel } from "./matrix.js";
import { tiledKernel } from "./tiled.js";
import { uniformKernel } from "./uniform.js";

const { GROUP_COLUMNS, GROUP_ROWS } = libs.product;
const { TILE_ROWS, TILE_VECTORS } = kernels.matmul.constants;
const { MAX_OWN_ROWS } = libs.broadcast;

/** The tile of the kernels that run everywhere. */
const directTile: ProductTile = { rows: GROUP_ROWS * TILE_ROWS, vectors: GROUP_COLUMNS * TILE_VECTORS };

/** Returns the kernel for a product by the tuning table of the device. */
export function productKernel(stream: CommandStream, call: ProductCall): ProductKernel {
  for (const rule of stream.tuning.products) {
    const kernel = isFor(rule, call) ? kernelOf(stream, rule, call) : undefined;
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
      return broadcast(stream, rule, call);
    case "uniform":
      return uniformKernel(stream.adapter, call);
    case "tiled":
      return tiledKernel(stream, rule, call);
    case "matrix":
      return matrixKernel(stream, rule, call);
  }
}

/** The same for `convTranspose2d`, which only two kernels compute. */
export function transposedKernel(stream: CommandStream, call: Size): TransposedKernel {
  const rule = stream.tuning.products.find(
    (one) => isFor(one, call) && (one.kernel === "direct" || (one.kernel === "broadcast" && canBroadcast(stream))),
  );
  return rule?.kernel === "broadcast"
    ? { kernel: "broadcastConvTranspose2d", ...variantOf(stream, rule) }
    : { kernel: "convTranspose2d", constants: {}, tile: directTile };
}

interface TransposedKernel {
  readonly kernel: "convTranspose2d" | "broadcastConvTranspose2d";
  readonly constants: Readonly<Record<string, number>>;
  readonly tile: ProductTile;
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

function broadcast(
  stream: CommandStream,
  rule: ProductRule,
  { dtype, weights }: ProductCall,
): ProductKernel | undefined {
  if (!canBroadcast(stream)) return undefined;
  return {
    linear: "broadcastMatmul",
    conv2d: "broadcastConv2d",
    types: { Element: dtype },
    choices: { weights },
    ...variantOf(stream, rule),
    splits: 1,
  };
}

/** A variant of the kernels that share loads by broadcast (kernels/lib/broadcast.wgsl). */
export interface BroadcastVariant {
  readonly constants: Readonly<Record<"LANES" | "OWN_ROWS", number>>;
  readonly tile: ProductTile;
}

/**
 * Returns the variant for products of transformed tiles. Filters are transformed before their number is known, so a product with
 * fewer rows than any rule asks for gets the variant for the fewest. Undefined if the adapter cannot run any, or its table has none.
 */
export function broadcastVariant(stream: CommandStream, call: Size): BroadcastVariant | undefined {
  if (!canBroadcast(stream)) return undefined;
  const rules = stream.tuning.products.filter(({ kernel }) => kernel === "broadcast");
  const [fewest] = [...rules].sort((a, b) => (a.minRows ?? 1) - (b.minRows ?? 1));
  const rule = rules.find((one) => isFor(one, call)) ?? fewest;
  return rule && variantOf(stream, rule);
}

type Size = Pick<ProductCall, "rows" | "vectors">;

function isFor({ minRows = 1, maxColumns = Infinity }: ProductRule, { rows, vectors }: Size): boolean {
  return rows >= minRows && 4 * vectors <= maxColumns;
}

/** Broadcasts are between all lanes of a subgroup, so their number must be known. */
function canBroadcast({ features, adapter: { lanes } }: CommandStream): boolean {
  return features.subgroups && (lanes === 4 || lanes === 8 || lanes === 16);
}

function variantOf({ adapter: { lanes = 1 } }: CommandStream, { ownRows = 1 }: ProductRule): BroadcastVariant {
  const rows = Math.min(ownRows, MAX_OWN_ROWS);
  return { constants: { LANES: lanes, OWN_ROWS: rows }, tile: { rows: lanes * rows, vectors: lanes } };
}

/** Returns the workgroups that cover `rows` × `vectors` outputs of a product. Rows beyond the limit of y continue in z. */
export function productGrid(tile: ProductTile, rows: number, vectors: number): Grid {
  const y = Math.ceil(rows / tile.rows);
  return [Math.ceil(vectors / tile.vectors), Math.min(y, MAX_GROUPS), Math.ceil(y / MAX_GROUPS)];
}
