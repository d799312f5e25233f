import type { MatrixSize } from "../gpu/adapter.js";
import type { CommandStream } from "../gpu/stream.js";
import type { AttentionRule } from "../gpu/tuning.js";
import type { AttentionCall, AttentionKernel } from "./attention-call.js";

/** Matrices of a head that a subgroup keeps (kernels/matrix_attention.wgsl). */
const MAX_MATRICES = 8;
/** Units of eight channels that an invocation loads for a tile. */
const MAX_LOADS = 4;
/** Invocations that share a row of scores. */
const MAX_ROW_LANES = 8;

/**
 * Returns the kernel for an attention by the matrix units; undefined if the adapter has none or no room for the tiles of the rule,
 * or if heads are too wide or no halves in whole units of eight.
 */
export function matrixAttention(
  { features, adapter: { lanes, matrix }, workgroupLimits }: CommandStream,
  { tile: [rows, keys] = [64, 64] }: AttentionRule,
  { dimHead4, dtype, isInUnits }: AttentionCall,
): AttentionKernel | undefined {
  if (!features.subgroupMatrix || lanes === undefined || !matrix || dtype !== "f16" || !isInUnits) return undefined;
  const whole = Math.max(matrix.inner, matrix.columns);
  const head = Math.ceil((4 * dimHead4) / whole) * whole;
  const subgroups = rows / matrix.rows;
  const invocations = lanes * subgroups;
  const isDivided =
    head % matrix.inner === 0 &&
    head % matrix.columns === 0 &&
    head <= MAX_MATRICES * Math.min(matrix.inner, matrix.columns) &&
    [subgroups, keys / matrix.inner, keys / matrix.columns].every(Number.isInteger) &&
    (keys * head) / 8 <= MAX_LOADS * invocations &&
    dividesRows(lanes / matrix.rows, keys);
  if (!isDivided || invocations > workgroupLimits.invocations) return undefined;
  if (bytesOf({ subgroups, head, keys }, matrix) > workgroupLimits.bytes) return undefined;
  return {
    name: "matrixAttention",
    constants: {
      LANES: lanes,
      SIZE_M: matrix.rows,
      SIZE_N: matrix.columns,
      SIZE_K: matrix.inner,
      SUBGROUPS: subgroups,
      HEAD: head,
      KEYS: keys,
    },
    slab4: dimHead4,
    grid: ({ samples, queries, heads, kvHeads }) => [Math.ceil((queries * heads) / kvHeads / rows), kvHeads, samples],
  };
}

/** Whether `rowLanes` invocations share a row of scores of `keys` keys equally, in units of eight. */
function dividesRows(rowLanes: number, keys: number): boolean {
  return Number.isInteger(Math.log2(rowLanes)) && rowLanes <= MAX_ROW_LANES && (keys / 8) % rowLanes === 0;
}

/** Workgroup memory of the kernel. Rows of keys and values are a unit apart, and those of sums a vec4. */
function bytesOf(
  { subgroups, head, keys }: { readonly subgroups: number; readonly head: number; readonly keys: number },
  { rows, columns, inner }: MatrixSize,
): number {
  const tiles = 2 * keys * (head / 8 + 1);
  const weights = (Math.max(keys, head) / inner) * rows * (inner / 8);
  const sums = (keys / columns) * rows * (columns / 4 + 1);
  const flag = 1;
  return 16 * (tiles + subgroups * (weights + sums) + flag);
}
