// Parts of jobs as one batch on a model.
import type { GeneratedImage } from "../../pipeline/generated-image.js";
import type { ScriptProgress } from "../../pipeline/script-options.js";
import { runRequest, runTogether, type RequestEvents } from "../../requests/run.js";
import type { OpenModel } from "./host-device.js";
import type { PartRun } from "./part-run.js";

/** How a batch runs. */
export interface BatchOptions {
  /** Images that are computed at once at most. */
  readonly batchSize: number;
  /** Aborts the batch. */
  readonly signal: AbortSignal;
  /** Called if the library computes fewer images at once, with how many. */
  readonly onFewer: (images: number) => void;
}

/** An image of a batch: the part that it is of, and its index in the job. */
interface Row {
  readonly run: PartRun;
  readonly index: number;
}

/**
 * Generates the missing images of parts, all in one call. A part that is aborted gets no further events. Rejects with what the
 * call rejects with; images that were done before that stay done.
 */
export async function runParts(model: OpenModel, runs: readonly PartRun[], options: BatchOptions): Promise<void> {
  const rows = runs.flatMap((run) => run.missing.map((index): Row => ({ run, index })));
  const [first] = runs;
  if (!first || rows.length === 0) return;
  const { parameters } = first.request;
  const asked = runs.flatMap(({ request }) => request.batchSize ?? []);
  const batchSize = Math.max(1, Math.min(options.batchSize, rows.length, ...asked));
  await warnEach(model, runs);
  const planned = Math.ceil(rows.length / batchSize);
  const onStep = ({ phase, batches }: ScriptProgress): void => {
    if (phase === "decoder" && batches > planned) options.onFewer(Math.ceil(rows.length / batches));
  };
  const events = { ...eventsOf(model, rows, onStep), signal: options.signal };
  if (first.isSeries) await runRequest(model.scripts, { ...first.request, batchSize }, events);
  else {
    const inputs = runs.flatMap((run) => run.inputs);
    await runTogether(model.scripts, { ...parameters, batchSize }, inputs, events);
  }
}

/** Warns each part of what concerns it. A series is alone, and its script warns of more. */
async function warnEach(model: OpenModel, runs: readonly PartRun[]): Promise<void> {
  for (const run of runs) {
    if (run.isSeries) continue;
    for (const message of await model.warningsFor(run.request)) run.warn(message);
  }
}

function eventsOf(
  { generatedOn }: OpenModel,
  rows: readonly Row[],
  onStep: (progress: ScriptProgress) => void,
): Omit<RequestEvents, "signal"> {
  const runs = [...new Set(rows.map(({ run }) => run))];
  const asked = runs.flatMap(({ part }) => part.job.previewEvery ?? []);
  return {
    previewEvery: asked.length > 0 ? asked.reduce(commonDivisor) : undefined,
    onImage: (image: GeneratedImage, i: number) => {
      const row = rows[i];
      row?.run.add(image, row.index, generatedOn);
    },
    onProgress: (progress) => {
      onStep(progress);
      const { phase, unetNumber, step, steps, millisecondsLeft, preview, previewIndex = 0 } = progress;
      for (const run of runs) run.progress({ phase, unetNumber, step, steps, millisecondsLeft });
      for (const [i, image] of (preview ?? []).entries()) {
        const row = rows[previewIndex + i];
        const every = row?.run.part.job.previewEvery;
        if (every !== undefined && step % every === 0) row?.run.preview(image, row.index);
      }
    },
    onWarning: (message) => {
      // A message of a batch may quote the prompt of any of its jobs: they were warned before.
      if (runs[0]?.isSeries === true) runs[0].warn(message);
    },
  };
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
