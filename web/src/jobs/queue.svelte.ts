import type { GeneratedImage } from "dalle2-webgpu";
import type { Gallery } from "../gallery/gallery.svelte.js";
import { failureOf } from "../engine/failure.js";
import type { ModelSession } from "../models/model-session.svelte.js";
import { jobSize } from "./image-parameters.js";
import { Job } from "./job.svelte.js";
import { keptImageOf } from "./keep.js";
import type { Request } from "./request.js";

/** Jobs, newest first. One runs at a time, in the order in which they came. */
export class Queue {
  jobs: readonly Job[] = $state.raw([]);
  readonly #session: ModelSession;
  readonly #gallery: Gallery;
  #isBusy = false;

  constructor(session: ModelSession, gallery: Gallery) {
    this.#session = session;
    this.#gallery = gallery;
  }

  /** The job in hand. */
  get running(): Job | undefined {
    return this.jobs.find(({ status }) => status === "opening" || status === "generating");
  }

  add(request: Request): Job {
    const job = new Job(request, this.#session.choice, jobSize(request));
    this.jobs = [job, ...this.jobs];
    void this.#work();
    return job;
  }

  /** Takes a job that is over out of the list. */
  dismiss(job: Job): void {
    if (job.isOver) this.jobs = this.jobs.filter((one) => one !== job);
  }

  async #work(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    let job: Job | undefined;
    while ((job = this.jobs.findLast(({ status }) => status === "queued"))) await this.#run(job);
    this.#isBusy = false;
  }

  async #run(job: Job): Promise<void> {
    try {
      job.status = "opening";
      const model = await this.#session.open();
      job.signal.throwIfAborted();
      job.status = "generating";
      const start = performance.now();
      await model.run(job.request, {
        signal: job.signal,
        onProgress: (progress) => {
          job.progress = progress;
          job.millisecondsLeft = progress.millisecondsLeft;
          const elapsed = performance.now() - start;
          if (progress.millisecondsLeft !== undefined) job.fraction = elapsed / (elapsed + progress.millisecondsLeft);
          progress.preview?.forEach((pixels, i) => {
            job.show((progress.previewIndex ?? 0) + i, { pixels, image: undefined, keptId: undefined });
          });
        },
        onImage: (image, index) => {
          job.show(index, { pixels: image, image, keptId: undefined });
          const seconds = (performance.now() - start) / 1000;
          void this.#keep(job, index, image, { model, seconds });
        },
        onWarning: (message) => {
          job.warn(message);
        },
      });
      job.status = "done";
      job.fraction = 1;
    } catch (error) {
      if (job.isOver) return;
      job.status = "failed";
      job.failure = failureOf(error);
    }
  }

  /** Keeps an image. If that fails, the job still shows it, and says why. */
  async #keep(job: Job, index: number, image: GeneratedImage, done: Parameters<typeof keptImageOf>[3]): Promise<void> {
    try {
      const kept = await keptImageOf(job, index, image, done);
      await this.#gallery.keep(kept);
      job.show(index, { pixels: image, image, keptId: kept.id });
    } catch (error) {
      job.warn(`Image ${index + 1} could not be kept: ${failureOf(error).message}`);
    }
  }
}
