import { requestSize } from "../../requests/images.js";
import type { ImageRequest } from "../../requests/request.js";
import { batchKey } from "../../requests/run.js";
import type { Queued } from "../jobs/fair-queue.js";
import type { FinishedImage, Job, JobEvents, JobProgress } from "../jobs/job.js";
import type { PartOutcome } from "./part-run.js";

/** A job from the queue to its images. */
export class LocalJob implements Queued {
  readonly images: number;
  readonly batchKey: string | undefined;
  /** As the host of models gets it. */
  readonly job: Job;
  /** Resolves with its images. */
  readonly result: Promise<readonly FinishedImage[]>;
  readonly #abort = new AbortController();
  readonly #finished: FinishedImage[] = [];
  /** Images that were taken from the queue. */
  #taken = 0;
  #isSettled = false;
  #settle!: {
    readonly resolve: (images: readonly FinishedImage[]) => void;
    readonly reject: (reason: unknown) => void;
  };

  /**
   * `request` is that of the job, with images in the size of the model. `millisecondsFor` estimates the time of so many images.
   */
  constructor(
    private readonly given: Job,
    request: ImageRequest,
    millisecondsFor: (images: number) => number | undefined,
  ) {
    this.images = requestSize(request);
    const key = batchKey(request);
    this.batchKey = key && JSON.stringify([given.model, key]);
    this.result = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    const rest = () => millisecondsFor(this.images - this.#taken);
    this.job = { ...given, request, signal: this.#abort.signal, events: eventsOf(given.events, rest) };
  }

  get owner(): string {
    return this.given.owner;
  }

  /** Whether images of it were taken. */
  get hasBegun(): boolean {
    return this.#taken > 0;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  onImagesAhead(imagesAhead: number): void {
    this.given.events.onStage?.({ stage: "waiting", imagesAhead });
  }

  /** Its images up to `end` were taken from the queue. */
  took(end: number): void {
    this.#taken = end;
  }

  /** What became of its images that were taken last. */
  add(outcome: PartOutcome): void {
    if (outcome.status === "rejected") {
      this.reject(outcome.reason);
      return;
    }
    this.#finished.push(...outcome.value);
    if (this.#isSettled || this.#finished.length < this.images) return;
    this.#isSettled = true;
    this.#settle.resolve(this.#finished);
  }

  /** Ends it without its images. What runs of it is not wanted any more. */
  reject(reason: unknown): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#settle.reject(reason);
    this.#abort.abort(reason);
  }
}

/** The events of a job whose time left includes its images that are not taken yet: `rest`. */
function eventsOf(events: JobEvents, rest: () => number | undefined): JobEvents {
  const { onProgress } = events;
  if (!onProgress) return events;
  const timed = ({ millisecondsLeft, ...progress }: JobProgress): JobProgress => {
    const later = rest();
    const isKnown = millisecondsLeft !== undefined && later !== undefined;
    return { ...progress, millisecondsLeft: isKnown ? millisecondsLeft + later : undefined };
  };
  return {
    ...events,
    onProgress: (progress) => {
      onProgress(timed(progress));
    },
  };
}
