import type { Gallery } from "../gallery/gallery.svelte.js";
import { failureOf } from "../engine/failure.js";
import type { ModelSession } from "../models/model-session.svelte.js";
import { Job, jobSize } from "./job.svelte.js";
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
          void this.#gallery.keep(job, index, image, model.device, seconds).then((kept) => {
            job.show(index, { pixels: image, image, keptId: kept.id });
          });
        },
        onWarning: (message) => {
          job.warnings = [...job.warnings, message];
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
}
