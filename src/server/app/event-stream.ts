// The events of a job on their way to the app.
import { encodeImage } from "../../image/encode.js";
import type { RgbImage } from "../../image/image.js";
import { Dalle2Error } from "../../platform/dalle2-error.js";
import { errorBody, asServerError } from "../http/errors.js";
import { EventFeed } from "../http/event-feed.js";
import { base64 } from "../http/openai/output.js";
import type { FinishedImage, JobEvents, JobProgress, JobStage } from "../jobs/job.js";
import type { JobEvent } from "./schemas.js";

/** Makes an event when it is sent; undefined if nothing is to be said any more. */
type Pending = () => Promise<JobEvent | undefined> | JobEvent | undefined;

/**
 * What happens to a job, until it is sent. Of stages, steps and the previews of an image only the newest waits, so a slow reader
 * costs no memory.
 */
export class JobStream {
  readonly feed = new EventFeed<Pending>();
  readonly #sent = new Set<number>();

  readonly events: JobEvents = {
    onStage: (stage) => {
      this.feed.push(() => stageEvent(stage), "stage");
    },
    onProgress: (progress) => {
      this.feed.push(() => progressEvent(progress), "progress");
    },
    onPreview: (preview, index) => {
      const event = () => (this.#sent.has(index) ? undefined : previewEvent(preview, index));
      this.feed.push(event, `preview ${index}`);
    },
    onImage: (image, index) => {
      this.addImage(image, index);
    },
    onWarning: (message) => {
      this.feed.push(() => ({ type: "warning", message }));
    },
  };

  /** Adds an image, once. */
  addImage(image: FinishedImage, index: number): void {
    if (this.#sent.has(index)) return;
    this.#sent.add(index);
    this.feed.push(() => imageEvent(image, index));
  }
}

function stageEvent(stage: JobStage): JobEvent {
  if (stage.stage === "waiting") return { type: "waiting", imagesAhead: stage.imagesAhead };
  return stage.stage === "loading" ? { type: "loading", fraction: stage.fraction } : { type: "running" };
}

function progressEvent({ phase, unetNumber, step, steps, millisecondsLeft }: JobProgress): JobEvent {
  return { type: "progress", phase, unetNumber, step, steps, millisecondsLeft };
}

async function previewEvent(preview: RgbImage, index: number): Promise<JobEvent> {
  return { type: "preview", index, png: base64(await encodeImage(preview, { format: "png" })) };
}

function imageEvent({ png, seed, parameters }: FinishedImage, index: number): JobEvent {
  return { type: "image", index, png: base64(png), seed, parameters };
}

/** The event of a job that failed. */
export function errorEvent(problem: unknown): Extract<JobEvent, { type: "error" }> {
  const error = asServerError(problem);
  const { cause, retryAfter } = error;
  // Advice of other errors is for who runs the server.
  const advice = cause instanceof Dalle2Error && error.code === "bad-request" ? cause.advice : undefined;
  return { type: "error", error: { ...errorBody(error).error, advice, retryAfter } };
}
