import { DeviceLostError, GpuError, GpuOutOfMemoryError } from "../../gpu/errors.js";
import { resizeLanczos } from "../../image/pillow-resize.js";
import type { Dalle2Error } from "../../platform/dalle2-error.js";
import { orAborted } from "../../platform/or-aborted.js";
import { fitInpainting } from "../../requests/fit-inpainting.js";
import type { ImageRequest } from "../../requests/request.js";
import { checkRequestCanvas } from "../../requests/request-canvas.js";
import type { ServedDevice, ServedModel, ServedModelInfo } from "../jobs/job-runner.js";
import { ServerError } from "../server-error.js";
import { callerError, openingError } from "./caller-error.js";
import { closing, describeDevice, DeviceKeeper, isLoss, type OpenedDevice } from "./device-keeper.js";
import type { HostedModel, OpenHostDevice, OpenModel } from "./host-device.js";
import type { HostEvent } from "./host-event.js";
import { MemoryPlans } from "./memory-plans.js";
import type { KnownModel, UseOptions } from "./model-shelf.js";
import { PartRun, type JobPart, type PartOutcome } from "./part-run.js";
import { runParts } from "./run-parts.js";
import { Unwanted } from "./unwanted.js";

/** Options of `ModelHost`. */
export interface HostOptions {
  /** The models that it offers, in the order in which they are listed. */
  readonly models: readonly HostedModel[];
  /** Opens the device: `GpuHostDevice.open`. */
  readonly openDevice: OpenHostDevice;
  /** Bytes that models may take. Default: most of the adapter's memory, if that is known. */
  readonly memoryLimit?: number | undefined;
  /** Images that are computed at once at most. Less if there is no memory for so many. Default: 10, as in the library. */
  readonly maxBatchSize?: number | undefined;
  /** Called with what it does. Default: nothing is. */
  readonly onEvent?: ((event: HostEvent) => void) | undefined;
}

/** The default of `HostOptions.maxBatchSize`. */
export const MAX_BATCH_SIZE = 10;

/** How often a job is begun again after the device was lost. */
const MAX_RETRIES = 2;

/** Milliseconds in which a device says that it was lost after its work has failed. */
const LOSS_MS = 200;

/** Why parts failed. */
interface Failure {
  readonly reason: unknown;
  readonly isLoss: boolean;
}

/**
 * Models on the GPU of this process. It opens device and models when they are needed, and computes batches of compatible jobs. It
 * has no queue: the caller decides what runs when. Several batches may run at the same time.
 */
export class ModelHost {
  readonly #models: ReadonlyMap<string, HostedModel>;
  readonly #known = new Map<string, KnownModel>();
  readonly #reading = new Map<string, Promise<KnownModel>>();
  /** Requests with images in the size that their model takes. */
  readonly #fitted = new WeakMap<ImageRequest, Promise<ImageRequest>>();
  /** Images that the memory had room for at once, by `MemoryPlans.keyOf`, where that was fewer than planned. */
  readonly #fewerImages = new Map<string, number>();
  /** Failures that were told already. */
  readonly #reported = new WeakSet<ServerError>();
  readonly #plans = new MemoryPlans();
  readonly #keeper: DeviceKeeper;

  constructor(private readonly options: HostOptions) {
    this.#models = new Map(options.models.map((model) => [model.name, model]));
    const { openDevice, memoryLimit } = options;
    const onEvent = (event: HostEvent): void => {
      this.#tell(event);
    };
    this.#keeper = new DeviceKeeper({ openDevice, memoryLimit, onEvent });
  }

  /** The models that it offers, in the order in which they are listed. */
  models(): readonly ServedModel[] {
    return [...this.#models.keys()].map((name) => ({ name, isLoaded: this.isLoaded(name) }));
  }

  /** Throws `ServerError` if it does not offer a model. */
  check(name: string): void {
    this.#hosted(name);
  }

  /** Whether the weights of a model are ready on the GPU. */
  isLoaded(name: string): boolean {
    return this.#keeper.opened?.shelf.isOpen(name) ?? false;
  }

  /** The open device; undefined if none is open. */
  get device(): ServedDevice | undefined {
    const { opened } = this.#keeper;
    return opened && describeDevice(opened.device);
  }

  /** How often the device was lost. */
  get deviceLosses(): number {
    return this.#keeper.losses;
  }

  /** Opens the device if it is not open. Rejects with `ServerError`, whose cause says what to install. */
  async openDevice(): Promise<ServedDevice> {
    return describeDevice((await this.#keeper.open()).device);
  }

  /**
   * Describes a model by the headers of its files: its weights are not loaded for that. Rejects with `ServerError` if the name is
   * unknown, or if the model cannot be opened.
   */
  async describe(name: string, signal?: AbortSignal): Promise<ServedModelInfo> {
    const { prior, decoder, clip, defaults, dtype } = (await this.#know(name, signal)).facts;
    const device = this.device ?? (await orAborted(this.openDevice(), signal));
    return { name, isLoaded: this.isLoaded(name), prior, decoder, clip, defaults, dtype, device };
  }

  /** Opens a model and loads its weights, before jobs need it. Rejects as `describe`. */
  async preload(name: string, signal?: AbortSignal): Promise<void> {
    const options = { signal, onFraction: () => undefined };
    await this.#use(name, options, () => Promise.resolve()).catch((error: unknown) => {
      throw signal?.aborted ? error : this.#report(name, error);
    });
  }

  /**
   * How many images of a request a batch may have: as far as there is memory for images of their size, once the model is known and
   * `fit` has planned for the request.
   */
  batchSizeOf(name: string, request: ImageRequest): number {
    const { maxBatchSize: max = MAX_BATCH_SIZE } = this.options;
    const known = this.#known.get(name);
    if (!known) return max;
    const most = Math.min(max, this.#fewerImages.get(this.#plans.keyOf(known, request)) ?? Infinity);
    return this.#keeper.opened?.shelf.batchSizeOf(known, this.#plans.of(known, request), most) ?? most;
  }

  /**
   * The request with images in the size that the model takes. Rejects as `describe`, and with `Dalle2Error` if the model does not take
   * its size or its hint, or needs one.
   */
  async fit(name: string, request: ImageRequest, signal?: AbortSignal): Promise<ImageRequest> {
    const known = await this.#know(name, signal);
    const { decoder } = known.facts;
    try {
      if (decoder) checkRequestCanvas(decoder, request);
      const openDevice = async () => (await this.#keeper.open()).device;
      await orAborted(this.#plans.make(openDevice, known, request), signal);
    } catch (error) {
      throw signal?.aborted ? error : this.#report(name, error);
    }
    if (request.parameters.task !== "inpaint") return request;
    let fitted = this.#fitted.get(request);
    if (!fitted) {
      fitted = fitInpainting(request, decoder, (...args) => Promise.resolve(resizeLanczos(...args)));
      this.#fitted.set(request, fitted);
    }
    return fitted;
  }

  /**
   * Computes a batch: parts of jobs of one model with equal `batchKey`, or one job without. Returns what became of each, in their
   * order, and does not reject. A job that is aborted leaves the batch; the batch ends when nobody wants it any more. If the
   * batch fails, its jobs are computed alone, so that one does not fail the others. If the device is lost, it is opened again,
   * and what is missing is computed again. A job fails with `ServerError`, or with `Dalle2Error` if the model cannot do what it
   * asks for; if it is aborted, with the reason of its signal.
   */
  async runBatch(name: string, parts: readonly JobPart[]): Promise<readonly PartOutcome[]> {
    const runs = await Promise.all(parts.map((part) => this.#begin(name, part)));
    await this.#runAll(name, runs);
    return Promise.all(runs.map((run) => run.outcome((reason) => this.#report(name, reason))));
  }

  /** Disposes models and device. What runs is rejected. */
  close(): void {
    this.#keeper.close();
  }

  async #begin(name: string, part: JobPart): Promise<PartRun> {
    const { request, signal } = part.job;
    try {
      return new PartRun(part, await this.fit(name, request, signal));
    } catch (error) {
      const run = new PartRun(part, request);
      run.fail(error);
      return run;
    }
  }

  /** Computes parts together, and if that fails each one alone. */
  async #runAll(name: string, runs: readonly PartRun[]): Promise<void> {
    const together = await this.#attempt(name, runs);
    if (!together) return;
    for (const run of runs) {
      const failure = await this.#runAlone(name, run, together, runs.length === 1);
      if (failure && run.missing.length > 0) run.fail(failure.reason);
    }
  }

  /** Computes a part alone after its batch failed, and again if the device is lost. */
  async #runAlone(name: string, run: PartRun, together: Failure, wasAlone: boolean): Promise<Failure | undefined> {
    // A model that cannot be opened cannot be opened for one part either.
    if (together.reason instanceof ServerError) return together;
    let losses = together.isLoss ? 1 : 0;
    let failure = wasAlone ? together : await this.#attempt(name, [run]);
    if (!wasAlone && failure?.isLoss) losses++;
    while (failure?.isLoss && losses <= MAX_RETRIES) {
      failure = await this.#attempt(name, [run]);
      losses++;
    }
    return failure;
  }

  /** Computes what is missing of parts, in one batch. Returns why it failed. */
  async #attempt(name: string, all: readonly PartRun[]): Promise<Failure | undefined> {
    const runs = all.filter(({ isOver }) => !isOver);
    if (runs.length === 0) return undefined;
    using unwanted = new Unwanted(runs);
    const { signal } = unwanted;
    const onFraction = (fraction: number): void => {
      for (const run of runs) run.stage({ stage: "loading", fraction });
    };
    const compute = () =>
      this.#use(name, { signal, onFraction }, async (model) => {
        for (const run of runs) run.stage({ stage: "running" });
        await this.#compute(name, model, runs, signal);
      });
    try {
      await compute().catch((error: unknown) => {
        // Models that are not in use make room once.
        if (error instanceof GpuOutOfMemoryError && this.#keeper.opened?.shelf.evictIdle(name)) return compute();
        throw error;
      });
      return undefined;
    } catch (reason) {
      return { reason, isLoss: isLoss(reason) };
    }
  }

  async #compute(name: string, model: OpenModel, runs: readonly PartRun[], signal: AbortSignal): Promise<void> {
    const start = performance.now();
    const images = runs.reduce((sum, { missing }) => sum + missing.length, 0);
    const { request } = runs[0]!;
    const onFewer = (fewer: number): void => {
      const known = this.#known.get(name);
      if (known) this.#fewerImages.set(this.#plans.keyOf(known, request), fewer);
    };
    await runParts(model, runs, { batchSize: this.batchSizeOf(name, request), signal, onFewer });
    this.#tell({ kind: "batch-done", model: name, images, milliseconds: performance.now() - start });
  }

  /**
   * Runs `body` with a model that is open. Rejects with `ServerError` if it cannot be opened. A lost device is closed, and the
   * call rejects with `DeviceLostError`.
   */
  async #use<T>(name: string, options: UseOptions, body: (model: OpenModel) => Promise<T>): Promise<T> {
    const { signal } = options;
    if (!this.isLoaded(name)) options.onFraction(0);
    const known = await this.#know(name, signal);
    const opened = await orAborted(this.#keeper.open(), signal);
    const progress = { isOpen: false };
    try {
      return await opened.shelf.use(known, options, (model) => {
        progress.isOpen = true;
        return body(model);
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      if (this.#keeper.isClosed) throw closing();
      if (await this.#isGone(opened, error)) throw this.#lost(opened, error);
      throw progress.isOpen ? error : openingError(known.hosted, error);
    }
  }

  /** Whether a call failed because its device is gone. */
  async #isGone(opened: OpenedDevice, error: unknown): Promise<boolean> {
    if (isLoss(error)) return true;
    // Work that a driver drops may fail a moment before it says why.
    const isOther = !(error instanceof GpuError) || error instanceof GpuOutOfMemoryError;
    if (!isOther) await Promise.race([opened.device.lost, new Promise((resolve) => setTimeout(resolve, LOSS_MS))]);
    return this.#keeper.opened !== opened;
  }

  /** Closes a device after it was lost. */
  #lost(opened: OpenedDevice, error: unknown): DeviceLostError {
    const reason = error instanceof Error ? error.message : String(error);
    this.#keeper.lose(opened, reason);
    return error instanceof DeviceLostError ? error : new DeviceLostError("unknown", reason);
  }

  /** What is known of a model. Its files are opened for that once. */
  async #know(name: string, signal: AbortSignal | undefined): Promise<KnownModel> {
    const known = this.#known.get(name);
    if (known) return known;
    const hosted = this.#hosted(name);
    let reading = this.#reading.get(name);
    if (!reading) {
      reading = this.#read(hosted).finally(() => this.#reading.delete(name));
      this.#reading.set(name, reading);
    }
    return orAborted(reading, signal);
  }

  #hosted(name: string): HostedModel {
    const hosted = this.#models.get(name);
    if (hosted) return hosted;
    throw new ServerError("unknown-model", `There is no model ${JSON.stringify(name)}.`, { param: "model" });
  }

  /** Opens the files of a model; again if the device is lost meanwhile. */
  async #read(hosted: HostedModel): Promise<KnownModel> {
    for (let losses = 0; ; losses++) {
      const opened = await this.#keeper.open();
      try {
        const known = { hosted, facts: await opened.device.describe(hosted) };
        this.#known.set(hosted.name, known);
        return known;
      } catch (error) {
        if (this.#keeper.isClosed) throw closing();
        if (!isLoss(error)) throw this.#report(hosted.name, openingError(hosted, error));
        this.#lost(opened, error);
        if (losses === MAX_RETRIES) throw this.#report(hosted.name, error);
      }
    }
  }

  /** The error as callers may see it. The whole error is for the log, unless it is the caller's own. */
  #report(name: string, error: unknown): ServerError | Dalle2Error {
    const hosted = this.#models.get(name) ?? { name };
    const shown = callerError(hosted, error);
    const { cause } = shown;
    if (shown instanceof ServerError && cause !== undefined && !this.#reported.has(shown)) {
      this.#reported.add(shown);
      this.#tell({ kind: "failure", model: name, error: cause });
    }
    return shown;
  }

  #tell(event: HostEvent): void {
    this.options.onEvent?.(event);
  }
}
