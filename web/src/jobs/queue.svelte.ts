import type { GeneratedImage, ScriptProgress } from "dalle2-webgpu";
import type { OpenModel } from "../engine/engine.js";
import { failureOf } from "../engine/failure.js";
import { sayFailure } from "../engine/say-failure.js";
import type { Gallery } from "../gallery/gallery.svelte.js";
import type { Loading, ModelSession } from "../models/model-session.svelte.js";
import type { ModelChoice } from "../models/model-choice.js";
import { Job } from "./job.svelte.js";
import { JobClock } from "./job-clock.js";
import { keptImageOf } from "./keep.js";
import type { ImageRequest } from "dalle2-webgpu/requests";
import { Speeds, workOf } from "./speed.js";

/** What a job is run on, if not as the session says. */
export interface JobOptions {
  /** Default: the chosen model. */
  readonly choice?: ModelChoice | undefined;
  readonly loading?: Loading | undefined;
}

/** What the queue needs of the gallery. */
export type KeepsImages = Pick<Gallery, "add">;

/** Jobs, newest first. One runs at a time, in the order in which they came. */
export class Queue {
  jobs: readonly Job[] = $state.raw([]);
  readonly #session: ModelSession;
  readonly #gallery: KeepsImages;
  readonly #speeds = new Speeds();
  #isBusy = false;

  constructor(session: ModelSession, gallery: KeepsImages) {
    this.#session = session;
    this.#gallery = gallery;
  }

  /** The job in hand. */
  get running(): Job | undefined {
    return this.jobs.find(({ status }) => status === "opening" || status === "generating");
  }

  add(request: ImageRequest, { choice = this.#session.choice, loading }: JobOptions = {}): Job {
    const job = new Job(request, choice, loading);
    this.jobs = [job, ...this.jobs];
    void this.#work();
    return job;
  }

  /** Takes a job that is over out of the list. */
  dismiss(job: Job): void {
    if (job.isOver) this.jobs = this.jobs.filter((one) => one !== job);
  }

  /** Runs a job that is over again, on the same model, in place of it. */
  retry(job: Job, loading: Loading | undefined = job.loading): Job {
    this.dismiss(job);
    return this.add(job.request, { choice: job.choice, loading });
  }

  /**
   * Does what the failure of a job asks for, and runs it again. Returns the new job; undefined if the remedy is not the queue's:
   * to free storage, to choose another model, to shorten the prompt.
   */
  remedy(job: Job): Job | undefined {
    switch (job.failure?.remedy) {
      case "retry":
        return this.retry(job);
      case "reopen-device":
        void this.#session.close();
        return this.retry(job);
      case "retry-in-f32":
        return this.retry(job, { ...job.loading, dtype: "f32" });
      default:
        return undefined;
    }
  }

  async #work(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    let job: Job | undefined;
    while ((job = this.jobs.findLast(({ status }) => status === "queued"))) await this.#run(job);
    this.#isBusy = false;
  }

  async #run(job: Job): Promise<void> {
    const { choice, loading, signal } = job;
    const clock = new JobClock();
    try {
      await this.#session.use(
        choice,
        {
          loading,
          signal,
          onWait: (state, { fraction, millisecondsLeft }) => {
            if (job.isOver) return;
            job.status = state === "paused" ? "queued" : "opening";
            job.setTime(clock.open(fraction, millisecondsLeft));
          },
        },
        (model) => this.#generate(job, model, clock),
      );
      if (job.isOver) return;
      job.status = "done";
      job.setTime({ fraction: 1, millisecondsLeft: undefined });
    } catch (error) {
      if (job.isOver) return;
      job.failure = failureOf(error);
      job.status = "failed";
      job.millisecondsLeft = undefined;
    }
  }

  async #generate(job: Job, model: OpenModel, clock: JobClock): Promise<void> {
    const { request, choice, signal } = job;
    signal.throwIfAborted();
    const work = workOf(request, model);
    // The same model is not as fast on a server.
    const place = typeof choice.config === "string" ? choice.config : choice.id;
    const key = `${place} ${request.parameters.task} ${model.dtype}`;
    job.status = "generating";
    const begin = (): void => {
      job.setTime(clock.begin(this.#speeds.estimate(key, work)));
    };
    begin();
    await model.run(request, {
      signal,
      onProgress: (progress) => {
        if (!job.isOver) showProgress(job, progress, clock);
      },
      onImage: (image, index) => {
        job.show(index, { pixels: image, image, keptId: undefined });
        void this.#keep(job, index, image, { model, seconds: clock.elapsed / 1000 });
      },
      onWarning: (message) => {
        job.warn(message);
      },
      onStage: (stage) => {
        if (job.isOver) return;
        job.served = stage.type === "running" ? undefined : stage;
        // Its time counts from here.
        if (stage.type === "running") begin();
      },
    });
    this.#speeds.learn(key, work, clock.elapsed);
  }

  /** Keeps an image. If that fails, the job still shows it, and says why. */
  async #keep(job: Job, index: number, image: GeneratedImage, done: Parameters<typeof keptImageOf>[3]): Promise<void> {
    try {
      const kept = await keptImageOf(job, index, image, done);
      await this.#gallery.add(kept);
      job.show(index, { pixels: image, image, keptId: kept.id });
    } catch (error) {
      job.warn(`Image ${index + 1} could not be kept. ${sayFailure(failureOf(error))}`);
    }
  }
}

function showProgress(job: Job, progress: ScriptProgress, clock: JobClock): void {
  job.progress = progress;
  job.setTime(clock.step(progress.millisecondsLeft));
  progress.preview?.forEach((pixels, i) => {
    const index = (progress.previewIndex ?? 0) + i;
    // An image that is done stays.
    if (job.images[index]?.image === undefined) job.show(index, { pixels, image: undefined, keptId: undefined });
  });
}
