import type { MatrixSize } from "../../gpu/adapter.js";
import { libs } from "../../gpu/kernel-sources.js";
import type { CommandStream, WorkgroupLimits } from "../../gpu/stream.js";
import type { ProductRule } from "../../gpu/tuning.js";
import { splitsFor, type ProductCall, type ProductKernel } from "./call.js";

/** Channels in a step (kernels/lib/matrix.wgsl), the best first. */
const DEPTHS = [32, 64, 16] as const;
/** Units of eight channels that an invocation loads in a step, of x, and of the weight. */
const MAX_LOADS = 4;
/** The kernel has a bit for each tap of a window. */
const MAX_TAPS = 32;
/** Matrices of the result that a subgroup keeps: in a row, and in a column. */
const { FRAGMENT_COLUMNS } = libs.matrix;
const FRAGMENT_ROWS: readonly number[] = [1, 2, 4];

/**
 * Returns the kernel for a product by the matrix units; undefined if the adapter has none or no room for the tiles of the rule,
 * or the product is not one of halves whose rows are whole units of eight.
 */
export function matrixKernel(
  { features, adapter: { lanes, matrix }, workgroupLimits }: CommandStream,
  { tile = [64, 64], fill }: ProductRule,
  call: ProductCall,
): ProductKernel | undefined {
  const { vectors, channels4, taps, dtype, weights } = call;
  const isOfHalves = dtype === "f16" && weights === "f16" && channels4 % 2 === 0 && vectors % 2 === 0;
  const hasUnits = features.subgroupMatrix && features.subgroups;
  if (!hasUnits || lanes === undefined || !matrix || !isOfHalves || taps > MAX_TAPS) return undefined;
  const constants = divide(tile, matrix, lanes, workgroupLimits);
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

/**
 * Divides a tile among subgroups, at most two in a column. Undefined if its matrices, or what is loaded and written, do not add up,
 * or the tiles are too large for a workgroup.
 */
function divide(
  [rows, columns]: readonly [number, number],
  matrix: MatrixSize,
  lanes: number,
  limits: WorkgroupLimits,
) {
  const subgroupRows = rows >= 4 * matrix.rows ? 2 : 1;
  const fragmentRows = rows / (subgroupRows * matrix.rows);
  const subgroupColumns = columns / (FRAGMENT_COLUMNS * matrix.columns);
  if (!FRAGMENT_ROWS.includes(fragmentRows) || !Number.isInteger(subgroupColumns)) return undefined;
  const subgroups = subgroupRows * subgroupColumns;
  const invocations = lanes * subgroups;
  const ownColumns = FRAGMENT_COLUMNS * matrix.columns;
  if (((matrix.rows * ownColumns) / 4) % lanes !== 0 || invocations > limits.invocations) return undefined;
  const isLoaded = (units: number): boolean =>
    Number.isInteger(units / invocations) && units <= MAX_LOADS * invocations;
  /** Rows of tiles are a unit apart (kernels/lib/matrix.wgsl). */
  const bytes = (depth: number): number => {
    const [x, w] = [rows * (matrix.inner / 8 + 1), matrix.inner * subgroupColumns * (ownColumns / 8 + 1)];
    const sums = matrix.rows * (ownColumns / 4 + 1) * subgroups;
    return 16 * ((x + w) * (depth / matrix.inner) + sums);
  };
  const depth = DEPTHS.find(
    (one) =>
      one % matrix.inner === 0 &&
      isLoaded((rows * one) / 8) &&
      isLoaded((columns * one) / 8) &&
      bytes(one) <= limits.bytes,
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
    DEPTH: depth,
  };
}
