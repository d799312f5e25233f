import type { NoiseSource } from "../diffusion/noise.js";
import type { Arena } from "../tensor/arena.js";
import { batchesOf, type Batch } from "./batches.js";
import type { TimeEstimate } from "./time-estimate.js";
import { computeRows, type RowsToCompute } from "./compute-rows.js";
import type { DalleModelManager } from "./manager/model-manager.js";
import { BatchNoise, type Randomness } from "./randomness.js";
import { Reporter, type ReportOptions } from "./reporter.js";

/** A call that samples `sampleCount` rows for each input, in batches. A row is an embedding or an image. */
export interface SamplingCall extends ReportOptions, Pick<RowsToCompute, "name"> {
  readonly inputCount: number;
  /** Rows for each input. */
  readonly sampleCount: number;
  /** Maximum number of rows in a batch. */
  readonly batchSize: number;
  readonly randomness: Randomness;
  readonly timeEstimate: TimeEstimate;
}

/** Rows of a batch that are computed together. */
export interface Part {
  /** Index of its first row, counted over the call. */
  readonly start: number;
  /** For each row, the index of its input. */
  readonly inputs: readonly number[];
  /** The arena of this part. It frees the tensors that are left. */
  readonly arena: Arena;
  /** The noise of these rows, as they get it when the whole batch is computed together. */
  readonly noise: NoiseSource;
  readonly reporter: Reporter;
}

/** Computes the rows of a batch: all together, or in parts that fit into the GPU memory. */
export type SampleParts<Row> = (
  options: Pick<RowsToCompute, "dtype" | "maxRows">,
  samplePart: (part: Part) => Promise<readonly Row[]>,
) => Promise<Row[]>;

/** The steps in which the prior and the decoder differ. */
export interface SamplingSteps<Sampled, Row> {
  /** Samples the rows of a batch, by one call of `sampleParts`. */
  readonly sampleBatch: (sampleParts: SampleParts<Sampled>) => Promise<Sampled[]>;
  /** Makes the result of a row. `index` counts over the call. */
  readonly finish: (sampled: Sampled, input: number, index: number) => Row;
  /** Called with each row as soon as its batch is done. The call waits for it. */
  readonly onRow?: ((row: Row, index: number) => void | Promise<void>) | undefined;
}

/** Samples `sampleCount` rows for each input. Returns them by index of the input. */
export async function sampleInBatches<Sampled, Row>(
  manager: DalleModelManager,
  call: SamplingCall,
  { sampleBatch, finish, onRow: onRow }: SamplingSteps<Sampled, Row>,
): Promise<Map<number, Row[]>> {
  const { name, inputCount, sampleCount, randomness } = call;
  const batches = batchesOf(inputCount, sampleCount, call.batchSize);
  const reporter = new Reporter(call, call.timeEstimate, batches);
  const result = new Map<number, Row[]>();
  for (const batch of batches) {
    const { inputs } = batch;
    const noise = new BatchNoise(randomness, batch, inputCount * sampleCount);
    const sampled = await sampleBatch((options, samplePart) =>
      computeRows(manager, { name, count: inputs.length, ...options }, (arena, start, end) =>
        reporter.batch(batch, start, end, () =>
          samplePart({
            start: batch.start + start,
            arena,
            inputs: inputs.slice(start, end),
            noise: noise.part(start, end),
            reporter,
          }),
        ),
      ),
    );
    noise.finish();
    const rows = sampled.map((one, i) => finish(one, inputs[i]!, batch.start + i));
    if (onRow) for (const [i, row] of rows.entries()) await onRow(row, batch.start + i);
    collect(result, batch, rows);
  }
  return result;
}

/** Adds the rows of a batch to the results of their inputs. */
function collect<Row>(result: Map<number, Row[]>, { inputs }: Batch, rows: readonly Row[]): void {
  for (const [i, input] of inputs.entries()) {
    const earlier = result.get(input);
    if (earlier) earlier.push(rows[i]!);
    else result.set(input, [rows[i]!]);
  }
}
