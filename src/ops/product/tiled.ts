import type { CommandStream } from "../../gpu/stream.js";
import type { ProductRule } from "../../gpu/tuning.js";
import { splitsFor, type ProductCall, type ProductKernel } from "./call.js";

/** Rows, and columns, of the result that an invocation computes (kernels/lib/tiled.wgsl). */
const OWN = 8;

/** vec4s of the inner axis in a tile, the best first. */
const DEPTHS = [4, 2, 1] as const;
/** vec4s that an invocation loads for a tile, of x, and of the weight. */
const MAX_LOADS = 4;

/** Returns the kernel for a product through workgroup memory; undefined if the device has no room for the tiles of the rule. */
export function tiledKernel(
  stream: CommandStream,
  { tile = [64, 64], fill }: ProductRule,
  call: ProductCall,
): ProductKernel | undefined {
  const { channels4, taps, dtype, weights } = call;
  const [groupRows, groupColumns] = [tile[0] / OWN, tile[1] / OWN];
  const depth4 = DEPTHS.find((one) => fits(stream, groupRows, groupColumns, one));
  if (depth4 === undefined) return undefined;
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

/** Whether the invocations of a workgroup load its tiles in equal parts, and the device has room for them (kernels/lib/tiled.wgsl). */
function fits({ workgroupLimits }: CommandStream, groupRows: number, groupColumns: number, depth4: number): boolean {
  const invocations = groupRows * groupColumns;
  const [rows, vectors] = [OWN * groupRows, (OWN / 4) * groupColumns];
  const isLoaded = (count: number, width: number): boolean =>
    count % invocations === 0 && invocations % width === 0 && count <= MAX_LOADS * invocations;
  // Two tiles of x, whose rows are a vec4 apart, and two of the weight.
  const bytes = 2 * (rows * (depth4 + 1) + 4 * depth4 * vectors) * 16;
  return (
    isLoaded(rows * depth4, depth4) &&
    isLoaded(4 * depth4 * vectors, vectors) &&
    invocations <= workgroupLimits.invocations &&
    bytes <= workgroupLimits.bytes
  );
}
