import type { ComputeType, WeightType } from "../../tensor/dtype.js";

/** A product, as far as the choice of its kernel depends on it. */
export interface ProductCall {
  /** Rows of the result: tokens or pixels. */
  readonly rows: number;
  /** vec4s of columns of a panel of the weight. */
  readonly vectors: number;
  /** vec4s of a row of x: channels. */
  readonly channels4: number;
  /** Taps of the window of a convolution; 1 for a linear layer. */
  readonly taps: number;
  /** Storage types of the activations and of the weight. */
  readonly dtype: ComputeType;
  readonly weights: WeightType;
  /** Bytes that the sums of workgroups may take that share a tile; 0 if the adapter cannot bind the operands whole. */
  readonly partialBytes: number;
}

/** What a workgroup computes. */
export interface ProductTile {
  readonly rows: number;
  /** vec4s of columns. */
  readonly vectors: number;
}

/** A kernel for products. All kernels for `linear` have the same bindings and parameters, and so have those for `conv2d`. */
export interface ProductKernel {
  readonly linear: "matmul" | "broadcastMatmul" | "uniformMatmul" | "tiledMatmul" | "matrixMatmul";
  readonly conv2d: "conv2d" | "broadcastConv2d" | "uniformConv2d" | "tiledConv2d" | "matrixConv2d";
  readonly types: Readonly<Partial<Record<"Element" | "Stored", ComputeType>>>;
  readonly choices: { readonly weights?: WeightType };
  readonly constants: Readonly<Record<string, number>>;
  readonly tile: ProductTile;
  /** Among how many workgroups the sums of a tile are divided. */
  readonly splits: number;
}

/** At most so many workgroups share the sums of a tile: they are added in the order of the workgroups, by one invocation. */
const MAX_SPLITS = 16;
/** Steps that a workgroup must have at least: it also has to begin and to end. */
const MIN_STEPS = 4;

/** Returns among how many workgroups to divide the sums of each tile. `steps`: tiles of the inner axis. */
export function splitsFor(call: ProductCall, tile: ProductTile, steps: number, fill = 1): number {
  const { rows, vectors, partialBytes } = call;
  const tiles = Math.ceil(rows / tile.rows) * Math.ceil(vectors / tile.vectors);
  const most = [fill / tiles, steps / MIN_STEPS, partialBytes / (16 * rows * vectors), MAX_SPLITS];
  return Math.max(1, Math.floor(Math.min(...most)));
}
