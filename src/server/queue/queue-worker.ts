import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import type { CloseOptions, JobRunner } from "../jobs/job-runner.js";
import type { FileStore } from "../results/types.js";
import { QueueConnection, type QueueAddress } from "./connection.js";
import { JobFiles } from "./job-files.js";
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
  readonly #loop: Promise<void>;
  #wake: () => void = () => undefined;
  #isWoken = false;
  #isClosing = false;
  #closed: Promise<void> | undefined;
  #tokens = 0;
  #doneImages = 0;
  /** The model that it is opening. */
  #claimed: string | undefined;

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

  async #run(): Promise<void> {
    while (!this.#isClosing) {
      let jobs: readonly TakenJob[] = [];
      try {
        if (this.connection.isReady) jobs = await this.#take();
      } catch (error) {
        this.#warn(error);
      }
      if (jobs.length > 0) await this.#runOrGiveBack(jobs);
      else await this.#sleep();
    }
  }

  async #runOrGiveBack(jobs: readonly TakenJob[]): Promise<void> {
    if (this.#isClosing) await Promise.allSettled(jobs.map(giveBack));
    else await this.#runAll(jobs);
  }

  async #sleep(): Promise<void> {
    if (this.#isWoken || this.#isClosing) {
      this.#isWoken = false;
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.settings.pollMs ?? POLL_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
    this.#isWoken = false;
  }

  #wakeUp(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Takes the next jobs: those of one batch. */
  async #take(): Promise<readonly TakenJob[]> {
    const heads = new Map<string, Head>();
    for (const [model, queue] of this.#queues) {
      const head = this.#isFailing(model) ? undefined : await queue.head();
      if (head) heads.set(model, head);
    }
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
      if (!loaded.includes(model) && !(await this.#claim(model))) continue;
      const jobs = await this.#takeBatch(this.#queues.get(model)!);
      if (jobs.length > 0) return jobs;
      await this.#unclaim(model);
    }
    return [];
  }

  /** Takes a job, and those after it that can be computed with it. */
  async #takeBatch(queue: ModelQueue): Promise<readonly TakenJob[]> {
    const first = await queue.take(this.#token());
    if (!first) return [];
    const jobs = [first];
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
    return jobs;
  }

  async #runAll(taken: readonly TakenJob[]): Promise<void> {
    const jobs = taken.map((one) => new RunningJob(one, this.#context));
    const model = jobs.find(({ data }) => data)?.data?.model;
    for (const job of jobs) this.#running.set(job.id, job);
    const begin = performance.now();
    const wasOpen = model === undefined || (await this.#loaded()).includes(model);
    void this.#announce().catch(() => undefined);
    await Promise.all(
      jobs.map(async (job) => {
        try {
          const end = await job.run();
          if (end === "not-opened" && model !== undefined) this.#failingUntil.set(model, Date.now() + FAILING_MS);
          if (end === "done" && job.data?.kind === "generate") this.#doneImages += job.data.size;
        } catch (error) {
          this.#warn(error);
        } finally {
          this.#running.delete(job.id);
        }
      }),
    );
    if (model === undefined) return;
    if (!wasOpen) this.#openMs.set(model, performance.now() - begin);
    await this.#unclaim(model);
    await this.#describe(model);
    void this.#announce().catch(() => undefined);
  }

  /** Keeps the description of an open model for the servers. */
  async #describe(model: string): Promise<void> {
    if (this.#isClosing || !(await this.#loaded()).includes(model)) return;
    await keepInfo(this.connection, await this.runner.describe(model)).catch(this.#warn);
  }

  /** Only one worker at a time opens a model. Returns false if another is about to. */
  async #claim(model: string): Promise<boolean> {
    const { redis, names } = this.connection;
    if ((await redis.set(names.loading(model), this.id, "PX", this.#hold.lockMs, "NX")) === null) return false;
    this.#claimed = model;
    return true;
  }

  async #unclaim(model: string): Promise<void> {
    if (this.#claimed !== model) return;
    this.#claimed = undefined;
    const { redis, names } = this.connection;
    if ((await redis.get(names.loading(model))) === this.id) await redis.del(names.loading(model));
  }

  /** Renews the claim of a model until it is open. */
  async #renewClaim(): Promise<void> {
    const model = this.#claimed;
    if (model === undefined || !this.connection.isReady) return;
    const { redis, names } = this.connection;
    if ((await this.#loaded()).includes(model)) await this.#unclaim(model);
    else await redis.pexpire(names.loading(model), this.#hold.lockMs);
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
