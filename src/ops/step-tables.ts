import { bytesPerElement } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { add } from "./elementwise.js";
import { concatTokens, selectBatch } from "./layout.js";
import type { StepInputs, StepRows } from "./step-inputs.js";

export interface StepTables {
  /**
   * Computes tensors `[n, ...]` from n of the rows, `[n, samples, C]`. It may run again later, so what it reads must live as
   * long as the run.
   */
  readonly compute: (rows: Tensor) => readonly Tensor[];
  /** Bytes of the results for one row. 0: all rows are computed at once. */
  readonly bytesPerRow: number;
}

/**
 * Computes tensors that depend only on the rows of a run, for all rows at once, so that weights are read once and not in each
 * pass. If they take more than `inputs.tableBytes`, for as many rows as fit, and again before a pass that needs other rows. `inputs`
 * owns the result, whose tensors are `[rows, ...]`.
 */
export function stepTables(
  inputs: StepInputs,
  { rows, order, counter }: StepRows,
  { compute, bytesPerRow }: StepTables,
): readonly StepRows[] {
  const { arena } = inputs;
  const [count = 0] = rows.shape;
  // Kernels bind a table whole.
  const limit = Math.min(inputs.tableBytes, arena.stream.maxBindingSize);
  const size = Math.min(count, Math.max(1, Math.floor(limit / bytesPerRow)));
  const block = (index: number): readonly Tensor[] => {
    const start = index * size;
    return compute(size === count ? arena.share(rows) : selectBatch(rows, start, Math.min(start + size, count)));
  };
  const tables = inputs.hold(() => block(0));
  const places = order.map((row) => row % size);
  const rowOfPass = inputs.hold(() => arena.from(places, [places.length], "u32"));
  let current = 0;
  inputs.beforePass((pass) => {
    const next = Math.floor(order[pass]! / size);
    if (next === current) return;
    current = next;
    arena.scope(() => {
      for (const [i, values] of block(next).entries()) copyOver(tables[i]!, values);
    });
  });
  return tables.map((table) => ({ rows: table, rowOfPass, counter, order: places }));
}

/** Adds `[batch, C]` to rows `[n, samples, C]`, if it is there. Returns `[n, batch, C]`, or the rows. */
export function addToRows(rows: Tensor, x: Tensor | undefined): Tensor {
  if (!x) return rows;
  const [batch, channels] = x.shape as [number, number];
  const each = rows.shape[1] === batch ? rows : concatTokens(new Array<Tensor>(batch).fill(rows));
  return add(each, x.reshape([1, batch, channels]));
}

/** Copies rows over the first rows of a table. */
function copyOver(table: Tensor, values: Tensor): void {
  const byteLength = values.rows * values.stride * bytesPerElement(values.dtype);
  const range = ({ storage }: Tensor) => ({ storage, offset: 0, byteLength });
  table.arena.stream.copy(range(values), range(table));
}
