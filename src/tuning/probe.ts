import type { GpuDevice } from "../gpu/device.js";
import { isGpuTable, shippedTables, type TuningTable } from "../gpu/tuning.js";
import { linearCase } from "./cases.js";
import { LEAST_GAIN, Trial } from "./measure.js";

/** A matrix product: the operation whose time depends most on what loads cost. */
const CASES = [linearCase(256, 256, 256)];
const ROUNDS = 3;
/** No further table is tried after so long: compiling a kernel takes some 0.3 s. */
const TIME_LIMIT = 1200;

/**
 * Returns the shipped table that computes a product fastest on the adapter of a device: for drivers that none was measured on.
 * Takes at most 2 seconds.
 */
export async function probeTable(gpu: GpuDevice): Promise<TuningTable> {
  const begin = performance.now();
  const reference = await Trial.start(gpu, gpu.tuning, CASES);
  const trials = new Map([[gpu.tuning, reference]]);
  try {
    for (const table of shippedTables) {
      if (performance.now() - begin > TIME_LIMIT) break;
      if (table === gpu.tuning || (gpu.adapter.isSoftware && isGpuTable(table))) continue;
      const trial = await Trial.start(gpu, table, CASES);
      const isNew = [...trials.values()].every(({ kernels }) => kernels !== trial.kernels);
      if (isNew && trial.problemAgainst(reference) === undefined) trials.set(table, trial);
      else trial[Symbol.dispose]();
    }
    for (let round = 0; round < ROUNDS; round++) {
      for (const trial of trials.values()) await trial.measure();
    }
    return fastestOf([...trials], gpu.tuning);
  } finally {
    for (const trial of trials.values()) trial[Symbol.dispose]();
    gpu.trim();
  }
}

function fastestOf(trials: readonly (readonly [TuningTable, Trial])[], current: TuningTable): TuningTable {
  const timeOf = new Map(trials.map(([table, { milliseconds }]) => [table, milliseconds]));
  const best = (table: TuningTable, other: TuningTable): TuningTable =>
    timeOf.get(other)! < timeOf.get(table)! * (1 - LEAST_GAIN) ? other : table;
  return trials.map(([table]) => table).reduce(best, current);
}
