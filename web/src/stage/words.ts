// What the page says of a job.
import type { OpenProgress } from "../engine/engine.js";
import type { Job } from "../jobs/job.svelte.js";

/** How a job, or the opening of its model, is going. */
export interface ProgressWords {
  /** The stage: "U-Net 1, step 4 of 24". */
  readonly stage: string;
  /** What is left: "about 12 s left". Empty if it is not known. */
  readonly left: string;
  /** Share that is done, 0 to 1; undefined if it is not known. */
  readonly fraction: number | undefined;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** A number of bytes in words: "1.2 GB". */
export function sayBytes(bytes: number): string {
  const power = Math.min(Math.max(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), 0), UNITS.length - 1);
  const value = bytes / 1000 ** power;
  return `${value.toFixed(value < 10 && power > 0 ? 1 : 0)} ${UNITS[power]!}`;
}

/** A time in words: "12 s", "3 min". Under two seconds it is not told to the tenth, because it is an estimate. */
export function sayTime(milliseconds: number): string {
  const seconds = Math.max(Math.round(milliseconds / 1000), 1);
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

/** Says how a job is going. `opening` is the progress of the model's session, `before` how many jobs come first. */
export function sayProgress(job: Job, opening: readonly OpenProgress[], before: number): ProgressWords {
  switch (job.status) {
    case "queued":
      return { stage: before > 0 ? `Queued: ${before} before it` : "Queued", left: "", fraction: 0 };
    case "opening":
      return sayOpening(opening);
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

function sayGenerating({ progress, fraction, millisecondsLeft }: Job): ProgressWords {
  if (!progress) return { stage: "Starting", left: "", fraction: undefined };
  const { phase, unetNumber, step, steps, batch, batches } = progress;
  const network = phase === "prior" ? "Prior" : `U-Net ${unetNumber ?? 1}`;
  const part = batches > 1 ? `, batch ${batch} of ${batches}` : "";
  const left = millisecondsLeft === undefined ? "" : `about ${sayTime(millisecondsLeft)} left`;
  return { stage: `${network}, step ${step} of ${steps}${part}`, left, fraction };
}

function sayCancelled({ progress }: Job): string {
  if (!progress) return "Cancelled";
  const network = progress.phase === "prior" ? "the prior" : `U-Net ${progress.unetNumber ?? 1}`;
  return `Cancelled at step ${progress.step} of ${progress.steps} of ${network}`;
}

/** Says how the opening of a model is going. */
export function sayOpening(opening: readonly OpenProgress[]): ProgressWords {
  const kernels = opening.find((one) => one.stage === "compile");
  const download = sumOf(opening, "download");
  const weights = sumOf(opening, "weights");
  if (download && !download.isDone) return sayBytesOf("Downloading weights", download);
  if (weights && !weights.isDone) return sayBytesOf("Loading weights", weights);
  if (kernels) {
    const { compiled, total } = kernels;
    return { stage: `Compiling kernels, ${compiled} of ${total}`, left: "", fraction: compiled / Math.max(total, 1) };
  }
  return { stage: "Opening the model", left: "", fraction: undefined };
}

type ByteProgress = Exclude<OpenProgress, { readonly stage: "compile" }>;

interface Sum {
  readonly loaded: number;
  /** Undefined if a server does not say. */
  readonly total: number | undefined;
  readonly isDone: boolean;
}

function sumOf(opening: readonly OpenProgress[], stage: "download" | "weights"): Sum | undefined {
  const files = opening.filter((one): one is ByteProgress => one.stage === stage);
  if (files.length === 0) return undefined;
  const loaded = files.reduce((sum, { loadedBytes }) => sum + loadedBytes, 0);
  const total = files.reduce<number | undefined>(
    (sum, { totalBytes }) => (sum === undefined || totalBytes === undefined ? undefined : sum + totalBytes),
    0,
  );
  return { loaded, total, isDone: total !== undefined && loaded >= total };
}

function sayBytesOf(what: string, { loaded, total }: Sum): ProgressWords {
  if (total === undefined) return { stage: `${what}, ${sayBytes(loaded)}`, left: "", fraction: undefined };
  return {
    stage: `${what}, ${sayBytes(loaded)} of ${sayBytes(total)}`,
    left: "",
    fraction: loaded / Math.max(total, 1),
  };
}
