import type { RgbImage } from "../../image/image.js";
import type { ImageParameters } from "../../pipeline/generated-image.js";
import type { ImageRequest } from "../../requests/request.js";

/** Where a job stands. */
export type JobStage =
  | {
      readonly stage: "waiting";
      /** Images of other jobs before it, as far as it is known. */
      readonly imagesAhead: number;
    }
  /** Its model is opened: downloads, weights, kernels. `fraction` is the share that is done, 0 to 1. */
  | { readonly stage: "loading"; readonly fraction: number }
  | { readonly stage: "running" };

/** A sampling step of a job that is done. */
export interface JobProgress {
  readonly phase: "prior" | "decoder";
  /** Number of the U-Net, counted from 1. Absent for the prior. */
  readonly unetNumber?: number | undefined;
  /** Number of the step, counted from 1. */
  readonly step: number;
  readonly steps: number;
  /** Estimated time until the job is done; undefined if it is not known. */
  readonly millisecondsLeft: number | undefined;
}

/** An image that is done. */
export interface FinishedImage {
  /** A PNG file with the record of how the image was generated. */
  readonly png: Uint8Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  readonly parameters: ImageParameters;
}

/** What happens while a job waits and runs. `index` counts the images of the job. */
export interface JobEvents {
  readonly onStage?: ((stage: JobStage) => void) | undefined;
  readonly onProgress?: ((progress: JobProgress) => void) | undefined;
  readonly onPreview?: ((preview: RgbImage, index: number) => void) | undefined;
  readonly onImage?: ((image: FinishedImage, index: number) => void) | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** A request that the server accepted. */
export interface Job {
  /** Unique among all servers of a queue. A job with the id of another that is known is that job: it does not run again. */
  readonly id: string;
  /** Name of the served model. */
  readonly model: string;
  readonly request: ImageRequest;
  /** Who asked: the id of a key. Owners have equal shares of the queue. */
  readonly owner: string;
  /** Aborted when the caller has gone or the deadline is over. The job then stops within a sampling step. */
  readonly signal: AbortSignal;
  readonly events: JobEvents;
  /** Sampling steps of a U-Net between two previews. Default: no previews. */
  readonly previewEvery?: number | undefined;
}
