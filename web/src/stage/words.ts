// What the page says of a job.
import type { FilesProgress, OpeningState } from "../engine/opening.js";
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

function sayGenerating({ progress, fraction, millisecondsLeft }: Job): ProgressWords {
  const left = millisecondsLeft === undefined ? "" : `about ${sayTime(millisecondsLeft)} left`;
  if (!progress) return { stage: "Starting", left, fraction };
  const { phase, unetNumber, step, steps, batch, batches } = progress;
  const network = phase === "prior" ? "Prior" : `U-Net ${unetNumber ?? 1}`;
  const part = batches > 1 ? `, batch ${batch} of ${batches}` : "";
  return { stage: `${network}, step ${step} of ${steps}${part}`, left, fraction };
}

function sayCancelled({ progress }: Job): string {
  if (!progress) return "Cancelled";
  const network = progress.phase === "prior" ? "the prior" : `U-Net ${progress.unetNumber ?? 1}`;
  return `Cancelled at step ${progress.step} of ${progress.steps} of ${network}`;
}

/** Says how the opening of a model is going. */
export function sayOpening({
  stage,
  download,
  weights,
  kernels,
  ...opening
}: OpeningState): Omit<ProgressWords, "fraction"> {
  if (stage === "download" && download) return sayDownload(download, opening);
  if (stage === "weights" && weights) return { stage: sayBytesOf("Loading weights", weights), left: "" };
  if (stage === "compile" && kernels) {
    return { stage: `Compiling kernels, ${kernels.compiled} of ${kernels.total}`, left: "" };
  }
  return { stage: "Opening the model", left: "" };
}

function sayDownload(
  download: FilesProgress,
  { bytesPerSecond, millisecondsLeft }: Pick<OpeningState, "bytesPerSecond" | "millisecondsLeft">,
): Omit<ProgressWords, "fraction"> {
  const speed = bytesPerSecond === undefined ? "" : `, ${sayBytes(bytesPerSecond)}/s`;
  const left = millisecondsLeft === undefined ? "" : `about ${sayTime(millisecondsLeft)} left`;
  return { stage: `${sayBytesOf("Downloading weights", download)}${speed}`, left };
}

function sayBytesOf(what: string, { loadedBytes, totalBytes }: FilesProgress): string {
  const loaded = sayBytes(loadedBytes);
  return totalBytes === undefined ? `${what}, ${loaded}` : `${what}, ${loaded} of ${sayBytes(totalBytes)}`;
}
