// The queue of jobs that wait: bounded, and fair between owners.
import { ServerError } from "../server-error.js";

/** Bounds of a queue. */
export interface QueueLimits {
  /** Jobs that may wait. Default: 256. */
  readonly maxWaitingJobs?: number | undefined;
  /** Images of the jobs that wait. Default: 1024. */
  readonly maxWaitingImages?: number | undefined;
}

/** The defaults of `QueueLimits`. */
export const QUEUE_DEFAULTS = { maxWaitingJobs: 256, maxWaitingImages: 1024 } as const;

/** A job as the queue sees it. */
export interface Queued {
  /** Owners have equal shares of the images that are taken. */
  readonly owner: string;
  /** How many images it asks for, 1 or more. */
  readonly images: number;
  /** Jobs with the same key may share a batch. Undefined: it is taken as a whole, alone. */
  readonly batchKey: string | undefined;
  /** Called while it waits, with the number of images of other jobs that are before it. */
  readonly onImagesAhead?: ((images: number) => void) | undefined;
}

/** Images of a job that are taken: those from `start` up to `end`, counted over the job. */
export interface Taken<Job> {
  readonly job: Job;
  readonly start: number;
  readonly end: number;
}

interface Waiting<Job> {
  readonly job: Job;
  /** Its place among all jobs by arrival. */
  readonly arrival: number;
  /** Images that were taken. */
  taken: number;
  /** What it was last told. */
  told: number | undefined;
}

/** The jobs of an owner, in the order of their arrival. */
interface Line<Job> {
  readonly jobs: Waiting<Job>[];
  /** Images that are not taken. */
  images: number;
  /** Images that the owner has had: its next image comes at this virtual time. */
  time: number;
}

/** Batches of preferred jobs that may go before another that waits. */
const MAX_DETOURS = 4;

/** Seconds to wait where nothing was measured yet. */
const UNKNOWN_SECONDS = 5;
const MAX_SECONDS = 3600;

/** How many owners that do not wait are remembered: the latest. */
const MAX_AWAY = 4096;

/** Weight of the newest batch in the measured rate. */
const NEWEST = 0.3;

/**
 * Jobs that wait, in a fair order: start-time fair queueing (Goyal, Vin & Cheng 1996) whose packets are images and whose flows
 * are owners. Owners who begin to wait as equals never differ by more than one batch in the images that they had, or by one job
 * that is taken as a whole; others are made equal first. An owner who was away gets no credit for it.
 */
export class FairQueue<Job extends Queued> {
  readonly #lines = new Map<string, Line<Job>>();
  /** Owners that do not wait, and had more images than others: the virtual time at which they go on. */
  readonly #away = new Map<string, number>();
  readonly #limits: Required<{ [Name in keyof QueueLimits]: number }>;
  /** Virtual time: that of the image that was taken last. It never falls. */
  #now = 0;
  /** Batches of preferred jobs that were taken since the fairest one. */
  #detours = 0;
  #arrivals = 0;
  #jobs = 0;
  #images = 0;
  /** Images that are computed now. */
  #running = 0;
  /** Measured; undefined before the first batch. */
  #millisecondsPerImage: number | undefined;

  constructor({ maxWaitingJobs, maxWaitingImages }: QueueLimits = {}) {
    this.#limits = {
      maxWaitingJobs: maxWaitingJobs ?? QUEUE_DEFAULTS.maxWaitingJobs,
      maxWaitingImages: maxWaitingImages ?? QUEUE_DEFAULTS.maxWaitingImages,
    };
  }

  /** Jobs that have images which are not taken. */
  get waitingJobs(): number {
    return this.#jobs;
  }

  /** Images that are not taken. */
  get waitingImages(): number {
    return this.#images;
  }

  /**
   * Adds a job, and tells it how many images are before it. Throws `ServerError` with `queue-full` if there is no room: for all,
   * or for more jobs of this owner, since half of the room that is left is kept for others.
   */
  add(job: Job): void {
    this.#checkRoom(job);
    const { owner, images } = job;
    let line = this.#lines.get(owner);
    if (!line) {
      line = { jobs: [], images: 0, time: Math.max(this.#now, this.#away.get(owner) ?? 0) };
      this.#lines.set(owner, line);
      this.#away.delete(owner);
    }
    const waiting: Waiting<Job> = { job, arrival: this.#arrivals++, taken: 0, told: undefined };
    this.#tell(waiting, line, line.images);
    line.jobs.push(waiting);
    line.images += images;
    this.#jobs++;
    this.#images += images;
  }

  /** Removes a job. Its images that were taken stay taken. Returns false if it does not wait. */
  remove(job: Job): boolean {
    const line = this.#lines.get(job.owner);
    const waiting = line?.jobs.find((one) => one.job === job);
    if (!line || !waiting) return false;
    this.#drop(line, waiting);
    this.#tellAll();
    return true;
  }

  /** Removes all jobs and returns them, in the order of their arrival. */
  clear(): Job[] {
    const all = [...this.#lines.values()].flatMap(({ jobs }) => jobs).sort((a, b) => a.arrival - b.arrival);
    for (const { job } of all) this.remove(job);
    return all.map(({ job }) => job);
  }

  /**
   * Takes the images of the next batch: those of the owner who had the fewest, and others of the same batch key in fair order.
   * `sizeOf` says how many images a batch of a job may have. A job with more stays, with the rest. Jobs that are `preferred` come
   * first as far as shares stay fair, and for a few batches at most while others wait. Empty if nobody waits.
   */
  take(sizeOf: (first: Job) => number, preferred: (job: Job) => boolean = () => true): readonly Taken<Job>[] {
    const first = this.#first(sizeOf, preferred);
    if (!first) return [];
    const { job } = first.waiting;
    const { batchKey } = job;
    const batch = new Map<Waiting<Job>, { start: number; end: number }>();
    if (batchKey === undefined) this.#takeFrom(first, job.images - first.waiting.taken, batch);
    else this.#fill(first, Math.max(1, Math.floor(sizeOf(job))), batch);
    this.#tellAll();
    return [...batch].map(([{ job: of }, range]) => ({ job: of, ...range }));
  }

  /** Says how many images are computed now. If none are and nobody waits, all owners are equal again. */
  running(images: number): void {
    this.#running = images;
    if (images > 0 || this.#lines.size > 0) return;
    this.#now = Math.max(this.#now, ...this.#away.values());
    this.#away.clear();
  }

  /** A batch is done: the rate of images is measured by it. */
  measured(images: number, milliseconds: number): void {
    const each = milliseconds / Math.max(images, 1);
    const before = this.#millisecondsPerImage ?? each;
    this.#millisecondsPerImage = before + NEWEST * (each - before);
  }

  /** Estimated milliseconds until so many images are computed; undefined before the first batch is measured. */
  millisecondsFor(images: number): number | undefined {
    return this.#millisecondsPerImage && images * this.#millisecondsPerImage;
  }

  /** The same in whole seconds, 1 to 3600, for `Retry-After`. 5 before the first batch is measured. */
  secondsFor(images: number): number {
    const seconds = Math.ceil((this.millisecondsFor(images) ?? UNKNOWN_SECONDS * 1000) / 1000);
    return Math.min(Math.max(seconds, 1), MAX_SECONDS);
  }

  #checkRoom({ owner, images }: Job): void {
    const { maxWaitingJobs, maxWaitingImages } = this.#limits;
    if (images > maxWaitingImages) {
      throw new ServerError(
        "too-large",
        `The request asks for ${images} images; the queue has room for ${maxWaitingImages}.`,
      );
    }
    const [freeJobs, freeImages] = [maxWaitingJobs - this.#jobs - 1, maxWaitingImages - this.#images - images];
    if (freeJobs < 0 || freeImages < 0) {
      throw this.#full("The queue is full.", Math.max(-freeImages, freeJobs < 0 ? this.#imagesPerJob : 0));
    }
    const line = this.#lines.get(owner);
    if (!line || (line.jobs.length + 1 <= freeJobs && line.images + images <= freeImages)) return;
    throw this.#full("Too many of your requests wait in the queue.", Math.min(line.images, images));
  }

  get #imagesPerJob(): number {
    return Math.ceil(this.#images / Math.max(this.#jobs, 1));
  }

  #full(problem: string, imagesBefore: number): ServerError {
    const retryAfter = this.secondsFor(imagesBefore);
    return new ServerError("queue-full", `${problem} Try again in ${retryAfter} s.`, { retryAfter });
  }

  #first(sizeOf: (first: Job) => number, preferred: (job: Job) => boolean): Next<Job> | undefined {
    const fairest = this.#next(() => true);
    const other = fairest && !preferred(fairest.waiting.job) ? this.#next(preferred) : undefined;
    const isFair = other && other.line.time < fairest!.line.time + sizeOf(other.waiting.job);
    if (!isFair || this.#detours >= MAX_DETOURS) {
      this.#detours = 0;
      return fairest;
    }
    this.#detours++;
    return other;
  }

  /** The line whose owner had the fewest images, and its first job, among jobs that `fits` accepts. */
  #next(fits: (job: Job) => boolean): Next<Job> | undefined {
    let best: Next<Job> | undefined;
    for (const line of this.#lines.values()) {
      if (best && line.time > best.line.time) continue;
      const waiting = line.jobs.find(({ job }) => fits(job));
      if (!waiting) continue;
      if (!best || line.time < best.line.time || waiting.arrival < best.waiting.arrival) best = { line, waiting };
    }
    return best;
  }

  /** Takes the images of a batch one by one, each from the owner who had the fewest. */
  #fill(first: Next<Job>, size: number, batch: Map<Waiting<Job>, { start: number; end: number }>): void {
    const { batchKey } = first.waiting.job;
    let next: Next<Job> | undefined = first;
    for (let left = size; left > 0 && next; left--) {
      this.#takeFrom(next, 1, batch);
      next = this.#next((job) => job.batchKey === batchKey);
      // Who had a batch more than another may not go on before it, even where a batch has room.
      if (next && next.line.time >= this.#earliest + size) break;
    }
  }

  get #earliest(): number {
    return Math.min(...[...this.#lines.values()].map(({ time }) => time));
  }

  #takeFrom(
    { line, waiting }: Next<Job>,
    count: number,
    batch: Map<Waiting<Job>, { start: number; end: number }>,
  ): void {
    const range = batch.get(waiting) ?? { start: waiting.taken, end: waiting.taken };
    waiting.taken += count;
    batch.set(waiting, { ...range, end: waiting.taken });
    this.#now = Math.max(this.#now, Math.min(line.time, this.#earliest));
    line.time += count;
    line.images -= count;
    this.#images -= count;
    if (waiting.taken === waiting.job.images) this.#drop(line, waiting);
  }

  #drop(line: Line<Job>, waiting: Waiting<Job>): void {
    const left = waiting.job.images - waiting.taken;
    line.jobs.splice(line.jobs.indexOf(waiting), 1);
    line.images -= left;
    this.#images -= left;
    this.#jobs--;
    if (line.jobs.length > 0) return;
    this.#lines.delete(waiting.job.owner);
    this.#away.set(waiting.job.owner, line.time);
    for (const [owner, time] of this.#away) {
      if (time <= this.#now || this.#away.size > MAX_AWAY) this.#away.delete(owner);
    }
  }

  /** Tells each job that nothing is taken of how many images are before it, if that has changed. */
  #tellAll(): void {
    for (const line of this.#lines.values()) {
      let before = 0;
      for (const waiting of line.jobs) {
        if (waiting.taken === 0) this.#tell(waiting, line, before);
        before += waiting.job.images - waiting.taken;
      }
    }
  }

  /** `before` is the number of images of its owner that come first. */
  #tell(waiting: Waiting<Job>, line: Line<Job>, before: number): void {
    let ahead = this.#running + before;
    const time = line.time + before;
    for (const other of this.#lines.values()) {
      if (other !== line) ahead += Math.min(other.images, Math.max(0, time - other.time));
    }
    if (ahead === waiting.told) return;
    waiting.told = ahead;
    waiting.job.onImagesAhead?.(ahead);
  }
}

/** The next job to be taken. */
interface Next<Job> {
  readonly line: Line<Job>;
  readonly waiting: Waiting<Job>;
}
