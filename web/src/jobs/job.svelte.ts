import type { GeneratedImage, RgbImage, ScriptProgress } from "dalle2-webgpu";
import type { ServedStage } from "../engine/engine.js";
import type { Failure } from "../engine/failure.js";
import type { Loading } from "../models/held-model.js";
import type { ModelChoice } from "../models/model-choice.js";
import { type ImageRequest, requestSize } from "dalle2-webgpu/requests";
import type { JobTime } from "./job-clock.js";

/** Where a job stands. While `opening`, its model's session says how far it is; while that is paused, it is queued. */
export type JobStatus = "queued" | "opening" | "generating" | "done" | "cancelled" | "failed";

/** An image of a job: a preview while it forms, then the image. */
export interface JobImage {
  readonly pixels: RgbImage;
  /** Undefined for previews. */
  readonly image: GeneratedImage | undefined;
  /** Id in the gallery, once it is kept. */
  readonly keptId: string | undefined;
}

/** A request, from the queue to its images. */
export class Job {
  readonly id = crypto.randomUUID();
  readonly request: ImageRequest;
  readonly choice: ModelChoice;
  /** How its model is loaded, in place of what the settings say. */
  readonly loading: Loading | undefined;
  status: JobStatus = $state("queued");
  /** Newest step. */
  progress: ScriptProgress | undefined = $state.raw();
  /** By index of the image; undefined where there is no preview yet. */
  images: readonly (JobImage | undefined)[] = $state.raw([]);
  failure: Failure | undefined = $state.raw();
  warnings: readonly string[] = $state.raw([]);
  /** Where it stands on a server, until it runs there. */
  served: ServedStage | undefined = $state.raw();
  /** Share that is done, 0 to 1, with the opening of its model. It never falls. */
  fraction: number = $state(0);
  /** Estimated; before the first step, from the last job. */
  millisecondsLeft: number | undefined = $state();
  /** How many images it will have. */
  readonly size: number;
  readonly #controller = new AbortController();

  constructor(request: ImageRequest, choice: ModelChoice, loading?: Loading) {
    this.request = request;
    this.choice = choice;
    this.size = requestSize(request);
    this.loading = loading;
    this.images = new Array<undefined>(this.size).fill(undefined);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isOver(): boolean {
    return this.status === "done" || this.status === "cancelled" || this.status === "failed";
  }

  /** Stops it; the last previews stay. */
  cancel(): void {
    if (this.isOver) return;
    this.status = "cancelled";
    this.millisecondsLeft = undefined;
    this.#controller.abort();
  }

  /** Sets the image or preview of an index. */
  show(index: number, image: JobImage): void {
    this.images = this.images.with(index, image);
  }

  setTime({ fraction, millisecondsLeft }: JobTime): void {
    this.fraction = fraction;
    this.millisecondsLeft = millisecondsLeft;
  }

  warn(message: string): void {
    if (!this.warnings.includes(message)) this.warnings = [...this.warnings, message];
  }
}
