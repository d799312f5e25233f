import type { Arena } from "../tensor/arena.js";
import type { ComputeType } from "../tensor/dtype.js";
import type { DalleModelManager } from "./manager/model-manager.js";

/** Rows that are computed in the same way: embeddings, or images. */
export interface RowsToCompute {
  /** Plural noun for messages: "images". */
  readonly name: string;
  readonly count: number;
  /** Type of the activations. */
  readonly dtype: ComputeType;
  /** Maximum number of rows in a part. Default: as many as fit into the GPU memory. */
  readonly maxRows?: number | undefined;
}

/**
 * Computes rows on a command stream of their own, in parts if the GPU has no memory for all. This is the only place where a
 * script opens a stream. The value that `body` computes for a row must not depend on the other rows of its part, and `body`
 * must leave no tensor in the arena.
 */
export function computeRows<Row>(
  manager: DalleModelManager,
  { name, count, dtype, maxRows }: RowsToCompute,
  body: (arena: Arena, start: number, end: number) => Promise<readonly Row[]>,
): Promise<Row[]> {
  return manager.withArena((arena) =>
    manager.splitBatch(arena, name, count, (start, end) => body(arena.withType(dtype), start, end), maxRows),
  );
}
