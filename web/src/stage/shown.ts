import type { Job } from "../jobs/job.svelte.js";

/** What the stage shows. */
export type Shown =
  | { readonly kind: "nothing" }
  /** All images of a job; of one with a single image, that one. */
  | { readonly kind: "job"; readonly job: Job }
  /** The same for a job by its id, which may be one of an earlier visit. With an index: one of its images. */
  | { readonly kind: "batch"; readonly jobId: string; readonly index?: number | undefined }
  /** An image of the gallery. */
  | { readonly kind: "image"; readonly id: string }
  /** Two images of the gallery side by side. */
  | { readonly kind: "compare"; readonly ids: readonly [string, string] }
  /** The painter of the mask (`mask/MaskPainter.svelte`). */
  | { readonly kind: "mask" };
