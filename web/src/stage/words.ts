// What the page says of a job.
import type { ServedStage } from "../engine/engine.js";
import type { OpeningState } from "../engine/opening.js";
import type { Job } from "../jobs/job.svelte.js";
import { saySpeed, sayStage } from "../models/opening-words.js";
import { sayImages, sayLeft } from "../parts/amounts.js";

/** How a job, or the opening of its model, is going. */
export interface ProgressWords {
  /** The stage: "U-Net 1, step 4 of 24". */
  readonly stage: string;
  /** What is left: "about 12 s left". Empty if it is not known. */
  readonly left: string;
  /** Share that is done, 0 to 1; undefined if it is not known. */
  readonly fraction: number | undefined;
}

/** Says how a job is going. `opening` is that of the model's session, `before` how many jobs come first. */
export function sayProgress(job: Job, opening: OpeningState, before: number): ProgressWords {
  switch (job.status) {
    case "queued":
      return { stage: before > 0 ? `Queued: ${before} before it` : "Queued", left: "", fraction: 0 };
    case "opening":
      return { ...sayOpening(opening), fraction: job.fraction };
    case "generating":
      return sayGenerating(job);
    case "done":
      return { stage: "Done", left: "", fraction: 1 };
    case "cancelled":
      return { stage: sayCancelled(job), left: "", fraction: job.fraction };
    case "failed":
      return { stage: "Failed", left: "", fraction: job.fraction };
  }
}

function sayOpening(opening: OpeningState): Omit<ProgressWords, "fraction"> {
  const stage = [sayStage(opening), saySpeed(opening)].filter((part) => part !== "").join(", ");
  return { stage, left: sayLeft(opening.millisecondsLeft) };
}

function sayGenerating({ progress, fraction, millisecondsLeft, served }: Job): ProgressWords {
  if (served) return { stage: sayServed(served), left: "", fraction };
  const left = sayLeft(millisecondsLeft);
  if (!progress) return { stage: "Starting", left, fraction };
  const { phase, unetNumber, step, steps, batch, batches } = progress;
  const network = phase === "prior" ? "Prior" : `U-Net ${unetNumber ?? 1}`;
  const part = batches > 1 ? `, batch ${batch} of ${batches}` : "";
  return { stage: `${network}, step ${step} of ${steps}${part}`, left, fraction };
}

function sayServed(served: ServedStage): string {
  switch (served.type) {
    case "waiting":
      return served.imagesAhead > 0
        ? `Waiting on the server: ${sayImages(served.imagesAhead)} ahead`
        : "Next on the server";
    case "loading":
      return `The server loads the model, ${Math.floor(served.fraction * 100)} %`;
    case "running":
      return "Starting";
  }
}

function sayCancelled({ progress }: Job): string {
  if (!progress) return "Cancelled";
  const network = progress.phase === "prior" ? "the prior" : `U-Net ${progress.unetNumber ?? 1}`;
  return `Cancelled at step ${progress.step} of ${progress.steps} of ${network}`;
}
