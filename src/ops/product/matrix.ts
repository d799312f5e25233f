import type { MatrixSize } from "../../gpu/adapter.js";
import { kernels } from "../../gpu/kernel-sources.js";
import type { CommandStream } from "../../gpu/stream.js";
import type { ProductRule } from "../../gpu/tuning.js";
import { splitsFor, type ProductCall, type ProductKernel } from "./call.js";

/** Channels in a step (kernels/lib/matrix.wgsl), the best first. */
const DEPTHS = [32, 64, 16] as const;
/** Units of eight channels that an invocation loads in a step, of x, and of the weight. */
const MAX_LOADS = 4;
/** The kernel has a bit for each tap of a window. */
const MAX_TAPS = 32;
/** Matrices of the result that a subgroup keeps: in a row, and in a column. */
const { FRAGMENT_COLUMNS } = kernels.matrixMatmul.constants;
const FRAGMENT_ROWS: readonly number[] = [1, 2, 4];

/**
 * Returns the kernel for a product by the matrix units; undefined if the adapter has none, or the product is not one of halves
 * whose rows are whole units of eight.
 */
export function matrixKernel(
  { features, adapter: { lanes, matrix } }: CommandStream,
  { tile = [64, 64], fill }: ProductRule,
  call: ProductCall,
): ProductKernel | undefined {
  const { vectors, channels4, taps, dtype, weights } = call;
  const isOfHalves = dtype === "f16" && weights === "f16" && channels4 % 2 === 0 && vectors % 2 === 0;
  if (!features.subgroupMatrix || lanes === undefined || !matrix || !isOfHalves || taps > MAX_TAPS) return undefined;
  const constants = divide(tile, matrix, lanes);
  if (!constants) return undefined;
  const size = { rows: tile[0], vectors: tile[1] / 4 };
  return {
    linear: "matrixMatmul",
    conv2d: "matrixConv2d",
    types: { Element: "f16" },
    choices: {},
    constants,
    tile: size,
    splits: splitsFor(call, size, Math.ceil((4 * channels4) / constants.DEPTH) * taps, fill),
  };
}

/** Divides a tile among subgroups, at most two in a column. Undefined if its matrices, or what is loaded, do not add up. */
function divide([rows, columns]: readonly [number, number], matrix: MatrixSize, lanes: number) {
  const subgroupRows = rows >= 4 * matrix.rows ? 2 : 1;
  const fragmentRows = rows / (subgroupRows * matrix.rows);
  const subgroupColumns = columns / (FRAGMENT_COLUMNS * matrix.columns);
  if (!FRAGMENT_ROWS.includes(fragmentRows) || !Number.isInteger(subgroupColumns)) return undefined;
  const invocations = lanes * subgroupRows * subgroupColumns;
  const isLoaded = (units: number): boolean =>
    Number.isInteger(units / invocations) && units <= MAX_LOADS * invocations;
  const depth = DEPTHS.find(
    (one) => one % matrix.inner === 0 && isLoaded((rows * one) / 8) && isLoaded((columns * one) / 8),
  );
  if (depth === undefined) return undefined;
  return {
    LANES: lanes,
    SIZE_M: matrix.rows,
    SIZE_N: matrix.columns,
    SIZE_K: matrix.inner,
    SUBGROUP_ROWS: subgroupRows,
    SUBGROUP_COLUMNS: subgroupColumns,
    FRAGMENT_ROWS: fragmentRows,
    FRAGMENT_COLUMNS,
    DEPTH: depth,
  };
}
