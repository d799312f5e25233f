import type { Grid } from "../gpu/grid.js";
import type { ComputeType } from "../tensor/dtype.js";

/** An attention, as far as the choice of its kernel depends on it. */
export interface AttentionCall {
  /** Queries of all heads that read the same keys. */
  readonly rows: number;
  /** With the null key. */
  readonly keys: number;
  /** vec4s of a head. */
  readonly dimHead4: number;
  readonly dtype: ComputeType;
  /** Whether heads of queries, keys and values consist of whole units of eight channels, and begin at multiples of them. */
  readonly isInUnits: boolean;
}

/** What a dispatch computes. */
interface AttentionSize {
  readonly samples: number;
  readonly queries: number;
  readonly heads: number;
  readonly kvHeads: number;
}

/** A kernel for attention. All have the same bindings and parameters. */
export interface AttentionKernel {
  readonly name: "attention" | "broadcastAttention" | "teamAttention" | "matrixAttention";
  readonly constants: Readonly<Record<string, number>>;
  /** vec4s of a head of the result that a workgroup computes. */
  readonly slab4: number;
  readonly grid: (size: AttentionSize) => Grid;
}
