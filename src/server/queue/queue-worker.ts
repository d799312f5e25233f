import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import type { CloseOptions, JobRunner } from "../jobs/job-runner.js";
import type { FileStore } from "../results/types.js";
import { QueueConnection, type QueueAddress } from "./connection.js";
import { JobFiles } from "./job-files.js";
import { ModelClaim } from "./model-claim.js";
import { giveBack, HOLD_TIMES, ModelQueue, type Head, type HoldTimes, type TakenJob } from "./model-queue.js";
import { placeJobs } from "./placement.js";
import { QUEUE_TIMES, type QueueTimes } from "./queue-settings.js";
import { announce, listServers, listWorkers, withdraw, type WorkerAnnouncement } from "./registry.js";
import { keepInfo, RunningJob, type WorkerContext } from "./running-job.js";

/** Settings of `QueueWorker`. */
export interface QueueWorkerSettings {
  readonly hold?: Partial<HoldTimes> | undefined;
  readonly times?: Partial<QueueTimes> | undefined;
  /** The store that the servers have. */
  readonly store?: FileStore | undefined;
  /** Images of compatible jobs that are taken at once. Default: 8. */
  readonly batchImages?: number | undefined;
  /** A model that has waiting jobs for longer is opened, even if other workers have it open. Default: 10 s. */
  readonly loadAfterMs?: number | undefined;
  /** How often the queues are looked at; a new job also wakes the worker. Default: 1 s. */
  readonly pollMs?: number | undefined;
  /** Called with what an operator should know. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

const BATCH_IMAGES = 8;
const LOAD_AFTER_MS = 10_000;
const POLL_MS = 1000;
/** Each failure in a row doubles the time to the next try, at most to this. */
const MAX_BACK_OFF_MS = 30_000;
const ANNOUNCE_MS = 5000;
/** A model that could not be opened is not tried again for this time: other workers take its jobs. */
const FAILING_MS = 30_000;
/** How long jobs have to stop when they are given back. */
const STOP_MS = 5000;

/** Takes jobs from the queues of its models, and runs them on the GPU of this process. */
export class QueueWorker {
  readonly id = randomUUID();
  readonly #startedAt = Date.now();
  readonly #context: WorkerContext;
  readonly #hold: HoldTimes;
  readonly #queues: ReadonlyMap<string, ModelQueue>;
  readonly #running = new Map<string, RunningJob>();
  readonly #failingUntil = new Map<string, number>();
  readonly #openMs = new Map<string, number>();
  readonly #otherVersions = new Set<string>();
  readonly #timers: NodeJS.Timeout[] = [];
  /** Of the model that it is opening. */
  readonly #claim: ModelClaim;
  readonly #loop: Promise<void>;
  #wake: () => void = () => undefined;
  #isWoken = false;
  #isClosing = false;
  #closed: Promise<void> | undefined;
  #tokens = 0;
  #doneImages = 0;

  private constructor(
    private readonly connection: QueueConnection,
    private readonly runner: JobRunner,
    models: readonly string[],
    private readonly settings: QueueWorkerSettings,
  ) {
    this.#hold = { ...HOLD_TIMES, ...settings.hold };
    const times = { ...QUEUE_TIMES, ...settings.times };
    const { redis, names } = connection;
    const files = new JobFiles(redis, names, settings.store, times.keepSeconds);
    this.#context = { connection, files, runner, times, onWarning: (message) => settings.onWarning?.(message) };
    this.#claim = new ModelClaim(connection, this.id, this.#hold.lockMs);
    this.#queues = new Map(models.map((model) => [model, new ModelQueue(connection, model, this.#hold)]));
    const every = (ms: number, call: () => Promise<void>) => {
      this.#timers.push(setInterval(() => void call().catch(() => undefined), ms));
    };
    every(this.#hold.lockMs / 3, async () => {
      await Promise.all([this.#renew(), this.#renewClaim()]);
    });
    every(ANNOUNCE_MS, async () => {
      await this.#announce();
    });
    this.#loop = this.#run();
  }

  /** Connects, and begins to take jobs of the models of the runner. Rejects with `QueueError`. */
  static async start(
    address: QueueAddress,
    runner: JobRunner,
    settings: QueueWorkerSettings = {},
  ): Promise<QueueWorker> {
    const { onWarning } = settings;
    const connection = await QueueConnection.open({ onWarning, ...address });
    const models = (await runner.models()).map(({ name }) => name);
    const worker = new QueueWorker(connection, runner, models, settings);
    const { channels, names } = connection;
    await channels.subscribe(names.wake, () => {
      worker.#wakeUp();
    });
    await channels.subscribe(names.cancellations, (id) => {
      worker.#running.get(id.toString())?.cancel();
    });
    await worker.#announce();
    return worker;
  }

  /**
   * Takes no more jobs, waits for those that run, and gives back those that are not done in time. The runner stays open.
   */
  async close(options: CloseOptions): Promise<void> {
    this.#closed ??= this.#close(options);
    await this.#closed;
  }

  async #close({ graceMs }: CloseOptions): Promise<void> {
    this.#isClosing = true;
    this.#wakeUp();
    if (this.connection.isReady) await this.#announce().catch(() => undefined);
    if (!(await this.#ends(graceMs))) {
      for (const job of this.#running.values()) job.giveBack();
      await this.#ends(STOP_MS);
    }
    for (const timer of this.#timers) clearInterval(timer);
    const { redis, names } = this.connection;
    if (this.connection.isReady) await withdraw(redis, names, "worker", this.id).catch(() => undefined);
    await Promise.allSettled([...this.#queues.values()].map((queue) => queue.close()));
    await this.connection.close();
  }

  async #ends(ms: number): Promise<boolean> {
    const timer = new AbortController();
    const late = pause(ms, false, { signal: timer.signal }).catch(() => false);
    const isOver = await Promise.race([this.#loop.then(() => true), late]);
    timer.abort();
    return isOver;
  }

  /** Takes and runs jobs until it is closed, whatever fails. */
  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#isClosing) {
      try {
        const hasRun = this.connection.isReady && (await this.#runNext());
        failures = 0;
        if (!hasRun) await this.#sleep(this.#pollMs);
      } catch (error) {
        this.#warn(error);
        await this.#backOff(Math.min(this.#pollMs * 2 ** failures++, MAX_BACK_OFF_MS));
      }
    }
  }

  /** Runs the next jobs. Returns false if there are none. */
  async #runNext(): Promise<boolean> {
    try {
      const jobs = await this.#take();
      if (this.#isClosing) await Promise.allSettled(jobs.map(giveBack));
      else if (jobs.length > 0) await this.#runAll(jobs);
      return jobs.length > 0;
    } finally {
      // Whatever has failed, other workers may open the model now.
      await this.#claim.release().catch(this.#warn);
    }
  }

  get #pollMs(): number {
    return this.settings.pollMs ?? POLL_MS;
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#isWoken || this.#isClosing) {
      this.#isWoken = false;
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
    this.#isWoken = false;
  }

  /** Waits after a failure. A new job does not mend it, so only the end of this worker wakes it. */
  async #backOff(ms: number): Promise<void> {
    const end = performance.now() + ms;
    for (let left = ms; left > 0 && !this.#isClosing; left = end - performance.now()) await this.#sleep(left);
  }

  #wakeUp(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Takes the next jobs: those of one batch. */
  async #take(): Promise<readonly TakenJob[]> {
    const heads = await this.#heads();
    if (heads.size === 0) return [];
    const loaded = await this.#loaded();
    const states = [...heads].map(([model, { waitedMs, neglectedMs }]) => ({
      model,
      isLoaded: loaded.includes(model),
      waitedMs,
      neglectedMs,
      openMs: this.#openMs.get(model) ?? 0,
    }));
    const { loadAfterMs = LOAD_AFTER_MS } = this.settings;
    // Only who might open a model needs to know the others.
    const workers = states.every(({ isLoaded }) => isLoaded) ? [] : await this.#workers();
    for (const model of placeJobs(states, { id: this.id, workers, loadAfterMs })) {
      if (!loaded.includes(model) && !(await this.#claim.take(model))) continue;
      const jobs = await this.#takeBatch(this.#queues.get(model)!);
      if (jobs.length > 0) return jobs;
      await this.#claim.release();
    }
    return [];
  }

  /** The next job of each model that can be opened. A queue that cannot be read leaves the others. Rejects if none can be read. */
  async #heads(): Promise<ReadonlyMap<string, Head>> {
    const heads = new Map<string, Head>();
    const errors: unknown[] = [];
    for (const [model, queue] of this.#queues) {
      try {
        const head = this.#isFailing(model) ? undefined : await queue.head();
        if (head) heads.set(model, head);
      } catch (error) {
        errors.push(error);
      }
    }
    if (heads.size === 0 && errors.length > 0) throw errors[0];
    errors.forEach(this.#warn);
    return heads;
  }

  /** Takes a job, and those after it that can be computed with it. */
  async #takeBatch(queue: ModelQueue): Promise<readonly TakenJob[]> {
    const first = await queue.take(this.#token());
    if (!first) return [];
    const jobs = [first];
    // What is taken runs, even if no more can be taken.
    await this.#addCompatible(queue, jobs, first).catch(this.#warn);
    return jobs;
  }

  /** Takes the jobs after the first that can be computed with it, and adds each to `jobs`. */
  async #addCompatible(queue: ModelQueue, jobs: TakenJob[], first: TakenJob): Promise<void> {
    const { size, batchKey } = outline(first.queued.data);
    let room = (this.settings.batchImages ?? BATCH_IMAGES) - size;
    while (batchKey !== undefined && room > 0) {
      const next = outline((await queue.head())?.data);
      if (next.batchKey !== batchKey || next.size > room) break;
      const job = await queue.take(this.#token());
      if (!job) break;
      const taken = outline(job.queued.data);
      if (taken.batchKey !== batchKey || taken.size > room) {
        // Another worker took the one that was seen.
        await giveBack(job);
        break;
      }
      jobs.push(job);
      room -= taken.size;
    }
  }

  async #runAll(taken: readonly TakenJob[]): Promise<void> {
    const jobs = taken.map((one) => new RunningJob(one, this.#context));
    const model = jobs.find(({ data }) => data)?.data?.model;
    for (const job of jobs) this.#running.set(job.id, job);
    const begin = performance.now();
    // Only the time of opening depends on it.
    const wasOpen = model === undefined || (await this.#isLoaded(model).catch(() => true));
    void this.#announce().catch(() => undefined);
    // The runner computes together what it is asked for together.
    await Promise.all(jobs.map((job) => job.prepare()));
    await Promise.all(jobs.map((job) => this.#runOne(job)));
    if (model === undefined) return;
    if (!wasOpen) this.#openMs.set(model, performance.now() - begin);
    await this.#claim.release();
    await this.#describe(model).catch(this.#warn);
    void this.#announce().catch(() => undefined);
  }

  /** Runs a job that is prepared. Does not reject. */
  async #runOne(job: RunningJob): Promise<void> {
    const { data } = job;
    try {
      const end = await job.run();
      if (end === "not-opened" && data) this.#failingUntil.set(data.model, Date.now() + FAILING_MS);
      if (end === "done" && data?.kind === "generate") this.#doneImages += data.size;
    } catch (error) {
      this.#warn(error);
    } finally {
      this.#running.delete(job.id);
    }
  }

  /** Keeps the description of an open model for the servers. */
  async #describe(model: string): Promise<void> {
    if (this.#isClosing || !(await this.#isLoaded(model))) return;
    await keepInfo(this.connection, await this.runner.describe(model));
  }

  /** Renews the claim of a model until it is open. */
  async #renewClaim(): Promise<void> {
    const { model } = this.#claim;
    if (model === undefined || !this.connection.isReady) return;
    if (await this.#isLoaded(model)) await this.#claim.release();
    else await this.#claim.renew();
  }

  /** Renews the locks of what runs, and looks whether it is still wanted: a message may have been lost. */
  async #renew(): Promise<void> {
    const jobs = [...this.#running.values()];
    if (jobs.length === 0 || !this.connection.isReady) return;
    const { redis, names } = this.connection;
    const cancelled = await redis.mget(jobs.map(({ id }) => names.cancelled(id)));
    jobs.forEach((job, i) => {
      if (typeof cancelled[i] === "string") job.cancel();
    });
    await Promise.allSettled(jobs.map((job) => job.renew(this.#hold.lockMs)));
  }

  async #announce(): Promise<void> {
    if (!this.connection.isReady) return;
    const { redis, names } = this.connection;
    const announcement: WorkerAnnouncement = {
      id: this.id,
      version: names.version,
      host: hostname(),
      pid: process.pid,
      startedAt: this.#startedAt,
      models: [...this.#queues.keys()],
      loaded: [...(await this.#loaded())],
      failing: [...this.#queues.keys()].filter((model) => this.#isFailing(model)),
      runningJobs: this.#running.size,
      doneImages: this.#doneImages,
      isClosing: this.#isClosing,
      devices: [...(await this.runner.status()).devices],
    };
    await announce(redis, names, "worker", announcement);
    for (const { id, version, host } of await listServers(redis, names)) {
      if (version === names.version || this.#otherVersions.has(id)) continue;
      this.#otherVersions.add(id);
      this.settings.onWarning?.(
        `Server ${id} on ${host} has version ${version}, this worker ${names.version}: it runs no jobs of that server.`,
      );
    }
  }

  async #workers(): Promise<readonly WorkerAnnouncement[]> {
    const { redis, names } = this.connection;
    return (await listWorkers(redis, names)).filter(({ version }) => version === names.version);
  }

  async #loaded(): Promise<readonly string[]> {
    return (await this.runner.models()).filter(({ isLoaded }) => isLoaded).map(({ name }) => name);
  }

  async #isLoaded(model: string): Promise<boolean> {
    return (await this.#loaded()).includes(model);
  }

  #isFailing(model: string): boolean {
    return Date.now() < (this.#failingUntil.get(model) ?? 0);
  }

  #token(): string {
    return `${this.id}-${this.#tokens++}`;
  }

  readonly #warn = (error: unknown): void => {
    if (!this.#isClosing) this.settings.onWarning?.(error instanceof Error ? error.message : String(error));
  };
}

/** What is known of a job before it is checked. */
function outline(data: unknown): { readonly size: number; readonly batchKey: string | undefined } {
  const { size, batchKey } = (data ?? {}) as { readonly size?: unknown; readonly batchKey?: unknown };
  return {
    size: typeof size === "number" ? size : 1,
    batchKey: typeof batchKey === "string" ? batchKey : undefined,
  };
}
