import type { FinishedImage, Job, JobEvents } from "../jobs/job.js";

/** One who waits for a job. */
interface Caller {
  readonly job: Job;
  readonly resolve: (images: readonly FinishedImage[]) => void;
  readonly reject: (error: unknown) => void;
  readonly detach: () => void;
}

/** A job that a server waits for, and its callers: several may ask for the same job. */
export class WaitingJob {
  readonly #callers = new Set<Caller>();
  readonly #images = new Map<number, FinishedImage>();
  #imagesAhead: number | undefined;
  #isOver = false;

  /** `onAbandoned` is called when the last caller has gone. */
  constructor(
    readonly job: Job,
    private readonly onAbandoned: () => void,
  ) {}

  /** Whether it has an outcome, or nobody waits for it any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Adds a caller. Rejects with the reason of its signal if that is aborted first. */
  async attach(job: Job): Promise<readonly FinishedImage[]> {
    return await new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#remove(caller);
        reject(job.signal.reason as Error);
      };
      const detach = () => {
        job.signal.removeEventListener("abort", onAbort);
      };
      const caller: Caller = { job, resolve, reject, detach };
      this.#callers.add(caller);
      job.signal.addEventListener("abort", onAbort, { once: true });
      for (const [index, image] of this.#images) job.events.onImage?.(image, index);
    });
  }

  /** Calls a listener of each caller. */
  tell(call: (events: JobEvents) => void): void {
    for (const { job } of this.#callers) call(job.events);
  }

  /** Tells how many images are before it, if that has changed. */
  tellPlace(imagesAhead: number): void {
    if (imagesAhead === this.#imagesAhead) return;
    this.#imagesAhead = imagesAhead;
    this.tell(({ onStage }) => onStage?.({ stage: "waiting", imagesAhead }));
  }

  /** Another stage than waiting has begun: a later place is told again. */
  leavePlace(): void {
    this.#imagesAhead = undefined;
  }

  /** The image, if it has arrived. */
  image(index: number): FinishedImage | undefined {
    return this.#images.get(index);
  }

  /** An image has arrived. Each is told once, even if it was generated again after a failure. */
  addImage(image: FinishedImage, index: number): void {
    if (this.#isOver || this.#images.has(index)) return;
    this.#images.set(index, image);
    this.tell(({ onImage }) => onImage?.(image, index));
  }

  finish(images: readonly FinishedImage[]): void {
    images.forEach((image, index) => {
      this.addImage(image, index);
    });
    this.#end(({ resolve }) => {
      resolve(images);
    });
  }

  fail(error: unknown): void {
    this.#end(({ reject }) => {
      reject(error);
    });
  }

  #end(call: (caller: Caller) => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const caller of this.#callers) {
      caller.detach();
      call(caller);
    }
    this.#callers.clear();
  }

  #remove(caller: Caller): void {
    this.#callers.delete(caller);
    if (this.#callers.size > 0 || this.#isOver) return;
    this.#isOver = true;
    this.onAbandoned();
  }
}
