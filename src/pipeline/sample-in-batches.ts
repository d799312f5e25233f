import type { NoiseSource } from "../diffusion/noise.js";
import type { Arena } from "../tensor/arena.js";
import { batchesOf, type Batch } from "./batches.js";
import type { TimeEstimate } from "./time-estimate.js";
import { inParts, type RowsToCompute } from "./in-parts.js";
import type { DalleModelManager } from "./manager/model-manager.js";
import { BatchNoise, type Randomness } from "./randomness.js";
import { Reporter } from "./reporter.js";
import type { CallOptions } from "./script-options.js";

/** A call that samples several rows for each input, batch by batch. */
export interface SamplingCall extends Pick<CallOptions, "onProgress" | "previewEvery">, Pick<RowsToCompute, "name"> {
  readonly inputCount: number;
  /** Rows for each input. */
  readonly sampleCount: number;
  /** Most rows in a batch. */
  readonly batchSize: number;
  readonly randomness: Randomness;
  readonly timeEstimate: TimeEstimate;
}

/** Rows of a batch that are computed at once. */
export interface Part {
  /** For each row the index of the input that it comes from. */
  readonly inputs: readonly number[];
  /** Frees what the part leaves. */
  readonly arena: Arena;
  /** The rows' own share of the batch's noise. */
  readonly noise: NoiseSource;
  readonly reporter: Reporter;
}

/** Computes a batch in parts that fit into memory. */
export type InParts<Row> = (
  how: Pick<RowsToCompute, "dtype" | "most">,
  samplePart: (part: Part) => Promise<readonly Row[]>,
) => Promise<Row[]>;

/** What the prior does differently from the decoder. */
export interface SamplingSteps<Sampled, Row> {
  /** Samples the rows of a batch, with what they need at hand, by one call of `inParts`. */
  readonly sampleBatch: (inParts: InParts<Sampled>) => Promise<Sampled[]>;
  /** What is handed out for a row; `index` counts over the call. */
  readonly finish: (sampled: Sampled, input: number, index: number) => Row;
  /** Takes the rows of a batch as soon as it is done. The call waits for it. */
  readonly handOut?: ((row: Row, index: number) => void | Promise<void>) | undefined;
}

/** Samples rows for inputs: by index of the input, `sampleCount` for each. */
export async function sampleInBatches<Sampled, Row>(
  manager: DalleModelManager,
  call: SamplingCall,
  { sampleBatch, finish, handOut }: SamplingSteps<Sampled, Row>,
): Promise<Map<number, Row[]>> {
  const { name, inputCount, sampleCount, randomness } = call;
  const batches = batchesOf(inputCount, sampleCount, call.batchSize);
  const reporter = new Reporter(call, call.timeEstimate, batches);
  const result = new Map<number, Row[]>();
  for (const batch of batches) {
    const { inputs } = batch;
    const noise = new BatchNoise(randomness, batch, inputCount * sampleCount);
    const sampled = await sampleBatch((how, samplePart) =>
      inParts(manager, { name, count: inputs.length, ...how }, (arena, start, end) =>
        reporter.batch(batch, start, end, () =>
          samplePart({ arena, inputs: inputs.slice(start, end), noise: noise.part(start, end), reporter }),
        ),
      ),
    );
    noise.finish();
    const rows = sampled.map((one, i) => finish(one, inputs[i]!, batch.start + i));
    if (handOut) for (const [i, row] of rows.entries()) await handOut(row, batch.start + i);
    collect(result, batch, rows);
  }
  return result;
}

/** Adds the rows of a batch to what was made for their inputs. */
function collect<Row>(result: Map<number, Row[]>, { inputs }: Batch, rows: readonly Row[]): void {
  for (const [i, input] of inputs.entries()) {
    const made = result.get(input);
    if (made) made.push(rows[i]!);
    else result.set(input, [rows[i]!]);
  }
}
