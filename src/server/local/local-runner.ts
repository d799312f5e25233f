import { ArgumentError } from "../../platform/arguments.js";
import { orAborted } from "../../platform/or-aborted.js";
import { FairQueue, type QueueLimits, type Taken } from "../jobs/fair-queue.js";
import type { FinishedImage, Job } from "../jobs/job.js";
import type { CloseOptions, JobRunner, RunnerStatus, ServedModel, ServedModelInfo } from "../jobs/job-runner.js";
import { ServerError } from "../server-error.js";
import { closing } from "./device-keeper.js";
import { LocalJob } from "./local-job.js";
import { ModelHost, type HostOptions } from "./model-host.js";

/** Options of `LocalRunner`. */
export interface LocalRunnerOptions extends HostOptions, QueueLimits {
  /** Names of models that are opened at the start, in this order. It is ready when they are. Default: none. */
  readonly preload?: readonly string[] | undefined;
}

/** Milliseconds that what was aborted has to end. Then it is disposed. */
const END_MS = 5000;

/** Runs jobs on the GPU of this process: a fair queue in front of a host of models, one batch after the other. */
export class LocalRunner implements JobRunner {
  readonly #host: ModelHost;
  readonly #queue: FairQueue<LocalJob>;
  /** Jobs that are not done, by id. */
  readonly #jobs = new Map<string, Promise<readonly FinishedImage[]>>();
  readonly #accepted = new Set<LocalJob>();
  readonly #closing = new AbortController();
  /** The batch that is computed. */
  #batch: Promise<void> | undefined;
  /** Set before the first batch of jobs that come at once. */
  #begin: NodeJS.Immediate | undefined;
  #preloading: Promise<void> | undefined;
  /** Why there is no device. */
  #failure = "The GPU is being opened.";
  #closed: Promise<void> | undefined;

  private constructor(options: LocalRunnerOptions) {
    this.#host = new ModelHost(options);
    this.#queue = new FairQueue(options);
  }

  /**
   * Opens the device and begins to preload models. Rejects with `ArgumentError` for models with one name or an unknown one in
   * `preload`, and with the error of `openDevice` (`GpuUnavailableError`).
   *
   * @example
   * const runner = await LocalRunner.open({ models: [{ name: "shapes" }], openDevice: () => GpuHostDevice.open() });
   */
  static async open(options: LocalRunnerOptions): Promise<LocalRunner> {
    checkNames(options);
    const runner = new LocalRunner(options);
    await runner.#host.openDevice().catch((error: unknown) => {
      throw error instanceof ServerError && error.cause !== undefined ? error.cause : error;
    });
    const { preload = [] } = options;
    if (preload.length > 0)
      runner.#preloading = runner.#preload(preload).finally(() => (runner.#preloading = undefined));
    return runner;
  }

  models(): Promise<readonly ServedModel[]> {
    return Promise.resolve(this.#host.models());
  }

  describe(model: string, signal?: AbortSignal): Promise<ServedModelInfo> {
    return this.#host.describe(model, signal);
  }

  async run(job: Job): Promise<readonly FinishedImage[]> {
    job.signal.throwIfAborted();
    if (this.#isClosing) throw closing();
    let result = this.#jobs.get(job.id);
    if (!result) {
      result = this.#run(job).finally(() => this.#jobs.delete(job.id));
      this.#jobs.set(job.id, result);
    }
    return orAborted(result, job.signal);
  }

  status(): Promise<RunnerStatus> {
    const { device, deviceLosses } = this.#host;
    if (!device && !this.#isClosing) this.#reopen();
    const reason = this.#isClosing
      ? "The server is shutting down."
      : this.#preloading
        ? "Models are being opened."
        : device
          ? undefined
          : this.#failure;
    const jobs = [...this.#accepted];
    return Promise.resolve({
      isReady: reason === undefined,
      reason,
      waitingJobs: jobs.filter(({ hasBegun }) => !hasBegun).length,
      runningJobs: jobs.filter(({ hasBegun }) => hasBegun).length,
      devices: device ? [device] : [],
      deviceLosses,
    });
  }

  close(options: CloseOptions): Promise<void> {
    this.#closed ??= this.#close(options);
    return this.#closed;
  }

  get #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  async #close({ graceMs }: CloseOptions): Promise<void> {
    this.#closing.abort(closing());
    for (const job of this.#accepted) if (!job.hasBegun) job.reject(closing());
    const idle = this.#idle();
    await within(graceMs, idle);
    for (const job of this.#accepted) job.reject(closing());
    await within(END_MS, idle);
    this.#host.close();
  }

  /** Resolves when nothing runs. */
  async #idle(): Promise<void> {
    await this.#preloading;
    while (this.#batch) await this.#batch;
  }

  async #preload(names: readonly string[]): Promise<void> {
    for (const name of names) {
      // The host tells why one fails. Others can be used all the same.
      await this.#host.preload(name, this.#closing.signal).catch(() => undefined);
    }
  }

  /** Opens the device again, so that a server that is not ready becomes so. */
  #reopen(): void {
    this.#host.openDevice().catch((error: unknown) => {
      this.#failure = error instanceof Error ? error.message : String(error);
    });
  }

  async #run(job: Job): Promise<readonly FinishedImage[]> {
    this.#host.check(job.model);
    const request = await this.#host.fit(job.model, job.request, job.signal);
    job.signal.throwIfAborted();
    if (this.#isClosing) throw closing();
    const local = new LocalJob(job, request, (images) => this.#queue.millisecondsFor(images));
    this.#queue.add(local);
    this.#accepted.add(local);
    this.#nextSoon();
    const stop = (): void => {
      local.reject(job.signal.reason);
    };
    job.signal.addEventListener("abort", stop);
    try {
      return await local.result;
    } finally {
      job.signal.removeEventListener("abort", stop);
      this.#queue.remove(local);
      this.#accepted.delete(local);
    }
  }

  /** Begins the next batch a moment later, so that jobs which come at once are computed together. */
  #nextSoon(): void {
    if (this.#begin) return;
    this.#begin = setImmediate(() => {
      this.#begin = undefined;
      this.#next();
    });
  }

  /** Begins the next batch, if none runs. */
  #next(): void {
    if (this.#batch) return;
    const taken = this.#queue.take(
      ({ job }) => this.#host.batchSizeOf(job.model, job.request),
      // Where models do not fit together, each change of the model takes time.
      ({ job }) => this.#host.isLoaded(job.model),
    );
    if (taken.length === 0) {
      this.#queue.running(0);
      return;
    }
    this.#batch = this.#runBatch(taken).finally(() => {
      this.#batch = undefined;
      this.#next();
    });
  }

  async #runBatch(taken: readonly Taken<LocalJob>[]): Promise<void> {
    const images = taken.reduce((sum, { start, end }) => sum + end - start, 0);
    this.#queue.running(images);
    for (const { job, end } of taken) job.took(end);
    const start = performance.now();
    const parts = taken.map(({ job: { job }, start: first, end }) => ({ job, start: first, end }));
    const outcomes = await this.#host.runBatch(taken[0]!.job.job.model, parts);
    for (const [i, outcome] of outcomes.entries()) taken[i]!.job.add(outcome);
    if (outcomes.some(({ status }) => status === "fulfilled")) this.#queue.measured(images, performance.now() - start);
  }
}

function checkNames({ models, preload = [] }: LocalRunnerOptions): void {
  const names = models.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) {
    throw new ArgumentError("models", `Two models have the name ${JSON.stringify(twice)}: give each another one.`);
  }
  const unknown = preload.find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new ArgumentError(
    "preload",
    `preload has ${JSON.stringify(unknown)}, but the models are: ${names.join(", ")}.`,
  );
}

/** Waits for work, at most so many milliseconds. */
async function within(milliseconds: number, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds)));
  await Promise.race([work, over]);
  clearTimeout(timer);
}
