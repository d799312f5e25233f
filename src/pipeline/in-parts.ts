import type { Arena } from "../tensor/arena.js";
import type { ComputeType } from "../tensor/dtype.js";
import type { DalleModelManager } from "./manager/model-manager.js";

/** Rows that are computed alike. */
export interface RowsToCompute {
  /** What they are, for messages: "images". */
  readonly name: string;
  readonly count: number;
  /** What activations are stored in. */
  readonly dtype: ComputeType;
  /** Most rows at once; default: what fits. */
  readonly most?: number | undefined;
}

/**
 * Computes rows in parts that the GPU has memory for, on a stream of their own: the one place where a call of a script
 * opens one. `body` must give a row the same value in any company, and leave no tensor in the arena.
 */
export function inParts<Row>(
  manager: DalleModelManager,
  { name, count, dtype, most }: RowsToCompute,
  body: (arena: Arena, start: number, end: number) => Promise<readonly Row[]>,
): Promise<Row[]> {
  return manager.withArena((arena) =>
    manager.inParts(arena, name, count, (start, end) => body(arena.withType(dtype), start, end), most),
  );
}
