// Images as they are shown: those of a job belong together, also after the job is gone.
import type { RgbImage } from "dalle2-webgpu";
import type { KeptImage } from "../gallery/kept-image.js";
import { promptOfImage, type RequestParameters, type Task } from "dalle2-webgpu/requests";
import type { Job } from "../jobs/job.svelte.js";

/** An image on the stage or in the strip. */
export interface ShownImage {
  readonly jobId: string;
  /** Index in its job. */
  readonly index: number;
  /** Text in place of the image. */
  readonly label: string;
  /** Pixels of a preview, or of the image. Undefined if there are none yet, or if the image is only in the gallery. */
  readonly pixels: RgbImage | undefined;
  /** The image in the gallery; undefined until it is there. */
  readonly kept: KeptImage | undefined;
}

/** The images of a job. */
export interface Batch {
  readonly jobId: string;
  /** Undefined for jobs of earlier visits. */
  readonly job: Job | undefined;
  /** Prompt or task, in words. */
  readonly title: string;
  readonly images: readonly ShownImage[];
}

const TASK_WORDS: Readonly<Record<Task, string>> = {
  create: "Image",
  variations: "Variation",
  inpaint: "Inpainted image",
  upscale: "Upscaled image",
  interpolate: "Interpolation",
  edit: "Edited image",
};

/** What an image shows, in words. */
export function labelOf(task: Task, prompt: string): string {
  if (prompt === "") return TASK_WORDS[task];
  return task === "create" ? prompt : `${TASK_WORDS[task]}: ${prompt}`;
}

/** What a job generates, in words. */
export function titleOf({ task, prompts }: RequestParameters): string {
  const isChange = task === "interpolate" || task === "edit";
  return labelOf(task, prompts.filter((prompt) => prompt !== "").join(isChange ? " → " : ", "));
}

/** The jobs of this visit, newest first, then the images of earlier ones. What was deleted is left out. */
export function batchesOf(jobs: readonly Job[], kept: readonly KeptImage[]): readonly Batch[] {
  const byJob = groupByJob(kept);
  const ofJobs = jobs.map((job) => batchOfJob(job, byJob.get(job.id) ?? []));
  const known: ReadonlySet<string> = new Set(jobs.map(({ id }) => id));
  const earlier = [...byJob]
    .filter(([jobId]) => !known.has(jobId))
    .map(([jobId, images]) => batchOfKept(jobId, images));
  return [...ofJobs.filter(({ job, images }) => job?.status !== "done" || images.length > 0), ...earlier];
}

function groupByJob(kept: readonly KeptImage[]): ReadonlyMap<string, readonly KeptImage[]> {
  const byJob = new Map<string, KeptImage[]>();
  for (const image of kept) {
    const images = byJob.get(image.jobId);
    if (images) images.push(image);
    else byJob.set(image.jobId, [image]);
  }
  return byJob;
}

function batchOfJob(job: Job, kept: readonly KeptImage[]): Batch {
  const { parameters } = job.request;
  const byId = new Map(kept.map((image) => [image.id, image]));
  const images = job.images.flatMap((image, index): ShownImage[] => {
    const inGallery = image?.keptId === undefined ? undefined : byId.get(image.keptId);
    const isDeleted = image?.keptId !== undefined && !inGallery;
    if (isDeleted || (!image && job.isOver)) return [];
    const label = labelOf(parameters.task, promptOfImage(parameters, index));
    return [{ jobId: job.id, index, label, pixels: image?.pixels, kept: inGallery }];
  });
  return { jobId: job.id, job, title: titleOf(parameters), images };
}

function batchOfKept(jobId: string, kept: readonly KeptImage[]): Batch {
  const images = kept
    .toSorted((a, b) => a.index - b.index)
    .map((image): ShownImage => ({
      jobId,
      index: image.index,
      label: labelOf(image.parameters.task, image.prompt),
      pixels: undefined,
      kept: image,
    }));
  const prompts = new Set(images.map(({ label }) => label));
  return { jobId, job: undefined, title: [...prompts].join(", "), images };
}
