import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import type { Job as QueuedJob } from "bullmq";
import { requestSize } from "../../requests/images.js";
import type { CloseOptions, JobRunner, RunnerStatus, ServedModel, ServedModelInfo } from "../jobs/job-runner.js";
import type { FinishedImage, Job } from "../jobs/job.js";
import { ServerError } from "../server-error.js";
import type { FileStore } from "../results/types.js";
import { QueueConnection, type QueueAddress } from "./connection.js";
import { answered, closing, unreachable } from "./answering.js";
import { describeByQueue } from "./describing.js";
import { FairPlaces, QUEUE_BOUNDS, type QueueBounds } from "./fairness.js";
import { inputFiles, packJob } from "./job-data.js";
import { JobFiles } from "./job-files.js";
import { KnownWorkers } from "./known-workers.js";
import { parseOutcome, unpackImage, type Outcome } from "./outcome.js";
import { FETCHED_SECONDS, QUEUE_TIMES, type QueueTimes } from "./queue-settings.js";
import { queueStatus } from "./queue-status.js";
import { receiveMessage } from "./receiving.js";
import { announce, withdraw } from "./registry.js";
import { orAborted } from "../../platform/or-aborted.js";
import { receivedFailure } from "./sent-failure.js";
import { addToQueue, cancelJob, sendAgain } from "./submitting.js";
import { WaitingJob } from "./waiting-job.js";

/** Settings of `QueueRunner`. */
export interface QueueRunnerSettings {
  /** Bounds of the queue of each model. Default: `QUEUE_BOUNDS`. */
  readonly bounds?: Partial<QueueBounds> | undefined;
  /** How jobs are tried and kept. Default: `QUEUE_TIMES`. */
  readonly times?: Partial<QueueTimes> | undefined;
  /** Files that all servers and workers share, for large images. Default: all go through Redis. */
  readonly store?: FileStore | undefined;
  /** How often the server looks after the jobs that it waits for. Default: 2 s. */
  readonly pollMs?: number | undefined;
  /** Called with what an operator should know. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

const POLL_MS = 2000;
/** How often it announces itself, and removes what is over time. */
const ANNOUNCE_MS = 5000;
const SWEEP_MS = 3_600_000;
/** How long a new job waits for a lost connection. */
const CONNECTION_MS = 5000;

/**
 * Runs jobs on workers, through a queue in Redis.
 *
 * What a server waits for, it knows itself: it looks after its jobs every few seconds, and puts those that are gone into the queue
 * again, with the same id. So a job that was accepted ends in its images or in an error, also if a worker is killed, or Redis
 * loses everything. Messages of workers only make it faster.
 */
export class QueueRunner implements JobRunner {
  readonly #id = randomUUID();
  readonly #startedAt = Date.now();
  readonly #files: JobFiles;
  readonly #workers: KnownWorkers;
  readonly #times: QueueTimes;
  readonly #bounds: QueueBounds;
  readonly #waiting = new Map<string, WaitingJob>();
  readonly #places = new Map<string, FairPlaces>();
  readonly #unsubscribe = new Map<WaitingJob, () => void>();
  readonly #timers: readonly NodeJS.Timeout[];
  #isPolling = false;
  #isClosing = false;

  private constructor(
    private readonly connection: QueueConnection,
    private readonly settings: QueueRunnerSettings,
  ) {
    this.#times = { ...QUEUE_TIMES, ...settings.times };
    this.#bounds = { ...QUEUE_BOUNDS, ...settings.bounds };
    const { redis, names } = connection;
    this.#files = new JobFiles(redis, names, settings.store, this.#times.keepDeadSeconds);
    this.#workers = new KnownWorkers(connection, settings.onWarning);
    const every = (ms: number, call: () => Promise<void>) =>
      setInterval(() => void call().catch(this.#warn), ms).unref();
    this.#timers = [
      every(settings.pollMs ?? POLL_MS, async () => {
        await this.#poll();
      }),
      every(ANNOUNCE_MS, async () => {
        await this.#announce();
      }),
      every(SWEEP_MS, async () => {
        await this.#files.sweep();
      }),
    ];
  }

  /** Connects to the queue. Rejects with `QueueError`. */
  static async open(address: QueueAddress, settings: QueueRunnerSettings = {}): Promise<QueueRunner> {
    const { onWarning } = settings;
    const runner = new QueueRunner(await QueueConnection.open({ onWarning, ...address }), settings);
    await runner.#announce();
    return runner;
  }

  async models(): Promise<readonly ServedModel[]> {
    await this.#connected();
    const workers = await answered(this.#workers.list());
    const names = [...new Set(workers.flatMap(({ models }) => models))];
    return names.map((name) => ({ name, isLoaded: workers.some(({ loaded }) => loaded.includes(name)) }));
  }

  async describe(model: string, signal?: AbortSignal): Promise<ServedModelInfo> {
    return orAborted(this.#describe(model, signal), signal);
  }

  async #describe(model: string, signal?: AbortSignal): Promise<ServedModelInfo> {
    await this.#connected();
    await answered(this.#workers.check(model));
    const info = await describeByQueue(this.connection, model, this.#times, signal);
    return { ...info, isLoaded: (await this.#workers.list()).some(({ loaded }) => loaded.includes(model)) };
  }

  async run(job: Job): Promise<readonly FinishedImage[]> {
    job.signal.throwIfAborted();
    this.#refuseIfClosing();
    const known = this.#waiting.get(job.id);
    if (known) return await known.attach(job);
    const waiting = new WaitingJob(job, () => {
      this.#abandon(waiting);
    });
    this.#waiting.set(job.id, waiting);
    const images = waiting.attach(job);
    this.#submit(waiting).catch((error: unknown) => {
      this.#end(waiting, () => {
        waiting.fail(error);
      });
    });
    return await images;
  }

  async status(): Promise<RunnerStatus> {
    try {
      // A health check gets its answer, whatever has become of Redis.
      if (this.connection.isReady) return await answered(queueStatus(this.connection, this.#workers));
    } catch (error) {
      this.#warn(error);
    }
    return { isReady: false, reason: "the queue cannot be reached", waitingJobs: 0, runningJobs: 0, devices: [] };
  }

  async close({ graceMs }: CloseOptions): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    await this.#giveBackWaiting();
    const end = performance.now() + graceMs;
    while (this.#waiting.size > 0 && performance.now() < end) await pause(Math.min(50, graceMs));
    const left = [...this.#waiting.values()];
    await Promise.all(left.map(async (waiting) => this.#refuse(waiting)));
    for (const timer of this.#timers) clearInterval(timer);
    const { redis, names } = this.connection;
    if (this.connection.isReady) await withdraw(redis, names, "server", this.#id).catch(this.#warn);
    await this.connection.close();
  }

  /** Ends jobs that no worker has taken. */
  async #giveBackWaiting(): Promise<void> {
    if (!this.connection.isReady) return;
    const jobs = [...this.#waiting.values()];
    const isActive = await Promise.all(jobs.map(async ({ job }) => (await this.#queued(job))?.isActive())).catch(
      () => [],
    );
    await Promise.all(jobs.filter((_, i) => isActive[i] !== true).map(async (waiting) => this.#refuse(waiting)));
  }

  async #refuse(waiting: WaitingJob): Promise<void> {
    this.#end(waiting, () => {
      waiting.fail(closing());
    });
    if (this.connection.isReady) await cancelJob(this.connection, waiting.job, this.#files).catch(this.#warn);
  }

  #refuseIfClosing(): void {
    if (this.#isClosing) throw closing();
  }

  /** Waits a moment for a lost connection. Rejects with `ServerError`. */
  async #connected(): Promise<void> {
    const end = performance.now() + CONNECTION_MS;
    while (!this.connection.isReady) {
      if (performance.now() > end) throw unreachable();
      await pause(50);
    }
  }

  async #submit(waiting: WaitingJob): Promise<void> {
    const { job } = waiting;
    await this.#connected();
    await answered(this.#workers.check(job.model));
    // One after the other: a preview must not come after the end.
    let last: Promise<unknown> = Promise.resolve();
    const unsubscribe = await this.connection.channels.subscribe(this.connection.names.events(job.id), (bytes) => {
      last = last.then(async () => this.#receive(waiting, bytes)).catch(this.#warn);
    });
    if (waiting.isOver) {
      unsubscribe();
      return;
    }
    this.#unsubscribe.set(waiting, unsubscribe);
    await this.#ensure(waiting, true);
  }

  /** Looks after a job: it is over, in the queue, or it is put there. */
  async #ensure(waiting: WaitingJob, isNew: boolean): Promise<void> {
    const { job } = waiting;
    if (await this.#settle(waiting, await this.#outcome(job.id), isNew)) return;
    const queued = await this.#queued(job);
    if (queued) {
      if (!(await queued.isFailed())) return;
      if (isNew) await sendAgain(this.connection, queued, job.id, job.model);
      else this.#setAside(waiting, queued);
      return;
    }
    // It may have ended since: an outcome is written before its job is removed.
    if (await this.#settle(waiting, await this.#outcome(job.id), isNew)) return;
    await this.#add(waiting, isNew);
  }

  async #add(waiting: WaitingJob, isNew: boolean): Promise<void> {
    const { job } = waiting;
    const asking = { owner: job.owner, images: requestSize(job.request), isAccepted: !isNew };
    const data = await packJob(job, this.#files);
    const progress = { isAdded: false };
    try {
      await this.#placesOf(job.model).place(asking, async (priority) => {
        if (waiting.isOver) return;
        await addToQueue(this.connection, data, priority, this.#times);
        progress.isAdded = true;
      });
    } catch (error) {
      await this.#files.remove(inputFiles(data)).catch(this.#warn);
      throw error;
    }
    if (!waiting.isOver) return;
    // Who cancelled it did not find what was not there yet.
    if (progress.isAdded) await cancelJob(this.connection, job, this.#files);
    else await this.#files.remove(inputFiles(data));
  }

  /** Takes an outcome to the callers. Returns false if there is none that counts. */
  async #settle(waiting: WaitingJob, outcome: Outcome | undefined, isNew = false): Promise<boolean> {
    if (waiting.isOver) return true;
    switch (outcome?.kind) {
      case "error":
        // Who asks again wants another answer.
        if (isNew) return false;
        this.#end(waiting, () => {
          waiting.fail(receivedFailure(outcome.error));
        });
        return true;
      case "images": {
        const images = await Promise.all(
          outcome.images.map(async (image, i) => waiting.image(i) ?? (await unpackImage(image, this.#files))),
        );
        const found = images.filter((image) => image !== undefined);
        // Files that are gone are generated again.
        if (found.length < images.length) return false;
        this.#end(waiting, () => {
          waiting.finish(found);
        });
        await this.#fetched(waiting.job, outcome);
        return true;
      }
      default:
        // Cancelled by another server: this one still wants it.
        return false;
    }
  }

  async #fetched(job: Job, outcome: Extract<Outcome, { kind: "images" }>): Promise<void> {
    const { redis, names } = this.connection;
    const files = outcome.images.map(({ file }) => file);
    await this.#files.removeSoon(files, FETCHED_SECONDS).catch(this.#warn);
    await redis.expire(names.outcome(job.id), FETCHED_SECONDS).catch(this.#warn);
  }

  /** All attempts have failed. The reason is for the operator; it is in the list of dead letters. */
  #setAside(waiting: WaitingJob, queued: QueuedJob): void {
    const reason = queued.failedReason;
    this.settings.onWarning?.(`Job ${waiting.job.id} was set aside: ${reason}`);
    const cause = new ServerError("failed", reason);
    this.#end(waiting, () => {
      waiting.fail(new ServerError("model-failed", "The images could not be generated.", { cause }));
    });
  }

  async #receive(waiting: WaitingJob, bytes: Buffer): Promise<void> {
    if (await receiveMessage(waiting, bytes, this.#files)) await this.#ensure(waiting, false);
  }

  /** Looks after all jobs. */
  async #poll(): Promise<void> {
    if (this.#isPolling || !this.connection.isReady || this.#waiting.size === 0) return;
    this.#isPolling = true;
    try {
      // Jobs that are still being submitted have no subscription.
      const jobs = [...this.#unsubscribe.keys()];
      const models = new Set(jobs.map(({ job }) => job.model));
      for (const model of models) {
        await this.#pollModel(
          model,
          jobs.filter(({ job }) => job.model === model),
        );
      }
    } finally {
      this.#isPolling = false;
    }
  }

  async #pollModel(model: string, jobs: readonly WaitingJob[]): Promise<void> {
    const queue = this.connection.queue(model);
    const active = new Set(await queue.getRanges(["active"], 0, -1, true));
    const line = await queue.getRanges(["wait", "prioritized", "delayed"], 0, -1, true);
    const sizes = new Map(
      jobs.map(({ job }) => [this.connection.names.job(job.id), requestSize(job.request)] as const),
    );
    let ahead = 0;
    const places = new Map<string, number>();
    for (const id of line) {
      places.set(id, ahead);
      // Of jobs of other servers it is only known that they have an image.
      ahead += sizes.get(id) ?? 1;
    }
    for (const waiting of jobs) {
      const id = this.connection.names.job(waiting.job.id);
      const place = places.get(id);
      if (place !== undefined) waiting.tellPlace(place);
      else if (!active.has(id)) await this.#ensure(waiting, false);
    }
  }

  async #outcome(id: string): Promise<Outcome | undefined> {
    return parseOutcome(await this.connection.redis.get(this.connection.names.outcome(id)));
  }

  async #queued({ id, model }: Job): Promise<QueuedJob | undefined> {
    return (await this.connection.queue(model).getJob(this.connection.names.job(id))) as QueuedJob | undefined;
  }

  #placesOf(model: string): FairPlaces {
    const known = this.#places.get(model);
    if (known) return known;
    const { redis, names } = this.connection;
    const places = new FairPlaces(redis, this.connection.queue(model), names.owners(model), this.#bounds);
    this.#places.set(model, places);
    return places;
  }

  /** The last caller has gone. */
  #abandon(waiting: WaitingJob): void {
    this.#end(waiting, () => undefined);
    cancelJob(this.connection, waiting.job, this.#files).catch(this.#warn);
  }

  #end(waiting: WaitingJob, call: () => void): void {
    if (this.#waiting.get(waiting.job.id) === waiting) this.#waiting.delete(waiting.job.id);
    this.#unsubscribe.get(waiting)?.();
    this.#unsubscribe.delete(waiting);
    call();
  }

  async #announce(): Promise<void> {
    const { redis, names } = this.connection;
    if (!this.connection.isReady) return;
    const about = { host: hostname(), pid: process.pid, startedAt: this.#startedAt };
    await announce(redis, names, "server", { id: this.#id, version: names.version, ...about });
  }

  readonly #warn = (error: unknown): void => {
    if (this.#isClosing) return;
    this.settings.onWarning?.(`The queue: ${error instanceof Error ? error.message : String(error)}`);
  };
}
