import type { Job } from "../jobs/job.svelte.js";

/** Where a job stands, without the step: it changes a few times in a job, so that it can be read out. */
export function sayMilestone({ status, progress, failure, images }: Job): string {
  switch (status) {
    case "queued":
      return "Queued.";
    case "opening":
      return "Opening the model.";
    case "generating":
      if (!progress) return "Generating.";
      return progress.phase === "prior"
        ? "Generating: prior."
        : `Generating: U-Net ${String(progress.unetNumber ?? 1)}.`;
    case "done":
      return images.length === 1 ? "The image is done." : `${String(images.length)} images are done.`;
    case "cancelled":
      return "Cancelled.";
    case "failed":
      return `${failure?.title ?? "Failed"}. ${failure?.message ?? ""}`;
  }
}
