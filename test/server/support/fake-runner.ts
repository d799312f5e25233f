import type { RgbImage } from "../../../src/image/image.js";
import { resizeLanczos } from "../../../src/image/pillow-resize.js";
import { encodePng } from "../../../src/image/png.js";
import type { StageInfo } from "../../../src/models/stage-info.js";
import { DataRequirements } from "../../../src/pipeline/data-requirements.js";
import { promptOfImage, requestSize, seedOfImage } from "../../../src/requests/images.js";
import type { ImageRequest } from "../../../src/requests/request.js";
import type { FinishedImage, Job } from "../../../src/server/jobs/job.js";
import type {
  CloseOptions,
  JobRunner,
  RunnerStatus,
  ServedDevice,
  ServedModel,
  ServedModelInfo,
} from "../../../src/server/jobs/job-runner.js";
import { ServerError } from "../../../src/server/server-error.js";

/** How a `FakeRunner` behaves. Each field can be changed at any time. */
export interface FakeBehaviour {
  /** Names of the models. Default: `shapes`. The first is loaded. */
  models: readonly string[];
  /** Sides of the images of the U-Nets. Default: 16 and 32. */
  imageSizes: readonly number[];
  /** What U-Net 1 of models has beside what it has by default, by their names. */
  unets: Readonly<Record<string, Partial<StageInfo>>>;
  /** Sampling steps of each U-Net of a job. Each step takes `stepMs`. Default 4. */
  steps: number;
  /** Milliseconds of a sampling step. Default 0: a turn of the event loop. */
  stepMs: number;
  /** Jobs that run at once. Default 1. */
  concurrency: number;
  /** Jobs that may wait; more are refused as `queue-full`. Default: no limit. */
  maxWaiting: number;
  /** Seconds that a refusal for a full queue names. Default 2. */
  retryAfter: number;
  /** Says what a job fails with after its first step. Default: jobs do not fail. */
  failure: (job: Job) => unknown;
  /** Says what a job warns of. Default: nothing. */
  warnings: (job: Job) => readonly string[];
  /** Whether it is ready. Default true. */
  isReady: boolean;
}

const DEFAULTS: FakeBehaviour = {
  models: ["shapes"],
  imageSizes: [16, 32],
  unets: {},
  steps: 4,
  stepMs: 0,
  concurrency: 1,
  maxWaiting: Infinity,
  retryAfter: 2,
  failure: () => undefined,
  warnings: () => [],
  isReady: true,
};

const DEVICE: ServedDevice = {
  adapter: {
    vendor: "fake",
    architecture: "",
    device: "",
    description: "a fake adapter",
    implementation: "none",
    isSoftware: true,
  },
  tuning: "fake",
  memoryBytes: 2 ** 30,
  usedBytes: 2 ** 20,
};

/**
 * Runs jobs without a GPU: an image is one colour that follows from its prompt and seed. Of inpainting, it keeps what the mask
 * keeps. What it did is in its fields.
 */
export class FakeRunner implements JobRunner {
  readonly behaviour: FakeBehaviour;
  /** Jobs that were accepted, in order. */
  readonly accepted: Job[] = [];
  /** Jobs that began to run, in order. */
  readonly started: Job[] = [];
  /** Jobs that ended with their images. */
  readonly finished: Job[] = [];
  /** Jobs that ended without their images: failed or aborted. */
  readonly ended: Job[] = [];
  /** Images that were generated. */
  generatedImages = 0;
  /** The grace of `close`, once it was called. */
  closedWith: CloseOptions | undefined;

  readonly #known = new Map<string, Promise<readonly FinishedImage[]>>();
  readonly #waiting: { readonly job: Job; readonly start: () => void }[] = [];
  readonly #aborts = new Set<AbortController>();
  #running = 0;
  #gate: PromiseWithResolvers | undefined;

  constructor(behaviour: Partial<FakeBehaviour> = {}) {
    this.behaviour = { ...DEFAULTS, ...behaviour };
  }

  /** Jobs stop before their first step until `release`. */
  hold(): void {
    this.#gate ??= withResolvers();
  }

  release(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  models(): Promise<readonly ServedModel[]> {
    return Promise.resolve(this.behaviour.models.map((name, i) => ({ name, isLoaded: i === 0 })));
  }

  describe(model: string): Promise<ServedModelInfo> {
    return Promise.resolve().then(() => {
      this.#check(model);
      return this.#info(model);
    });
  }

  run(job: Job): Promise<readonly FinishedImage[]> {
    const known = this.#known.get(job.id);
    if (known) return known;
    const images = this.#accept(job);
    this.#known.set(job.id, images);
    return images;
  }

  status(): Promise<RunnerStatus> {
    const { isReady } = this.behaviour;
    return Promise.resolve({
      isReady,
      reason: isReady ? undefined : "the fake is told not to be ready",
      waitingJobs: this.#waiting.length,
      runningJobs: this.#running,
      devices: [DEVICE],
    });
  }

  async close(options: CloseOptions): Promise<void> {
    this.closedWith = options;
    for (const { start } of this.#waiting.splice(0)) start();
    const end = Date.now() + options.graceMs;
    while (this.#running > 0 && Date.now() < end) await pause(2);
    for (const abort of this.#aborts) abort.abort(closing());
    while (this.#running > 0) await pause(2);
  }

  async #accept(job: Job): Promise<readonly FinishedImage[]> {
    const { concurrency, maxWaiting, retryAfter } = this.behaviour;
    this.#check(job.model);
    if (this.closedWith) throw closing();
    job.signal.throwIfAborted();
    const mustWait = this.#running >= concurrency;
    if (mustWait && this.#waiting.length >= maxWaiting)
      throw new ServerError("queue-full", "The queue is full. Try again later.", { retryAfter });
    this.accepted.push(job);
    if (mustWait) await this.#turn(job);
    else this.#running++;
    try {
      const images = await this.#generate(job);
      this.finished.push(job);
      return images;
    } catch (error) {
      this.ended.push(job);
      throw error;
    } finally {
      this.#next();
    }
  }

  #next(): void {
    const next = this.closedWith ? undefined : this.#waiting.shift();
    if (next) next.start();
    else this.#running--;
  }

  /** Waits until a job before ends, which leaves its place among the running ones. */
  #turn(job: Job): Promise<void> {
    const ahead = this.#waiting.reduce((sum, { job: { request } }) => sum + requestSize(request), 0);
    job.events.onStage?.({ stage: "waiting", imagesAhead: ahead });
    return new Promise((resolve, reject) => {
      const leave = (reason: Error) => {
        job.signal.removeEventListener("abort", aborted);
        this.ended.push(job);
        reject(reason);
      };
      const aborted = () => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        leave(job.signal.reason as Error);
      };
      const entry = {
        job,
        start: () => {
          if (this.closedWith) {
            leave(closing());
            return;
          }
          job.signal.removeEventListener("abort", aborted);
          resolve();
        },
      };
      job.signal.addEventListener("abort", aborted);
      this.#waiting.push(entry);
    });
  }

  async #generate(job: Job): Promise<readonly FinishedImage[]> {
    const abort = new AbortController();
    this.#aborts.add(abort);
    const signal = AbortSignal.any([job.signal, abort.signal]);
    this.started.push(job);
    try {
      job.events.onStage?.({ stage: "running" });
      for (const warning of this.behaviour.warnings(job)) job.events.onWarning?.(warning);
      if (this.#gate) await orAborted(this.#gate.promise, signal);
      await this.#sample(job, signal);
      return await this.#images(job);
    } finally {
      this.#aborts.delete(abort);
    }
  }

  async #sample(job: Job, signal: AbortSignal): Promise<void> {
    const { imageSizes, steps, stepMs, failure } = this.behaviour;
    const count = requestSize(job.request);
    for (const [i, side] of imageSizes.entries()) {
      for (let step = 1; step <= steps; step++) {
        await pause(stepMs);
        signal.throwIfAborted();
        const left = (imageSizes.length - i) * steps - step;
        job.events.onProgress?.({ phase: "decoder", unetNumber: i + 1, step, steps, millisecondsLeft: left * stepMs });
        const error = failure(job);
        if (error !== undefined) throw error as Error;
        if (job.previewEvery === undefined || step % job.previewEvery !== 0) continue;
        for (let index = 0; index < count; index++)
          job.events.onPreview?.(this.#image(job.request, index, side), index);
      }
    }
  }

  async #images({ request, events }: Job): Promise<readonly FinishedImage[]> {
    const images: FinishedImage[] = [];
    for (let index = 0; index < requestSize(request); index++) {
      const image = this.#image(request, index, this.#size);
      const { task, prior, unets } = request.parameters;
      const finished: FinishedImage = {
        png: await encodePng(image),
        width: image.width,
        height: image.height,
        seed: seedOfImage(request.parameters.seed, index),
        parameters: {
          script: task,
          tuning: "fake",
          priorSteps: prior.steps,
          decoderSteps: unets.map(({ steps }) => steps ?? null),
        },
      };
      this.generatedImages++;
      images.push(finished);
      events.onImage?.(finished, index);
    }
    return images;
  }

  get #size(): number {
    return this.behaviour.imageSizes.at(-1)!;
  }

  /** One colour for a prompt and a seed. What a mask keeps is that of the image. */
  #image({ parameters, images, mask }: ImageRequest, index: number, side: number): RgbImage {
    const seed = seedOfImage(parameters.seed, index);
    const colour = colourOf(`${promptOfImage(parameters, index)}/${seed}`);
    const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => colour[i % 3]!);
    const [input] = images;
    if (!input || !mask) return { width: side, height: side, channels: 3, data };
    const kept = resizeLanczos(input, side, side).data;
    for (let pixel = 0; pixel < side * side; pixel++) {
      const [x, y] = [pixel % side, Math.floor(pixel / side)];
      const at = Math.floor((y * input.height) / side) * input.width + Math.floor((x * input.width) / side);
      if (mask[at] === 1) data.set(kept.subarray(pixel * 3, pixel * 3 + 3), pixel * 3);
    }
    return { width: side, height: side, channels: 3, data };
  }

  #check(model: string): void {
    if (this.behaviour.models.includes(model)) return;
    throw new ServerError("unknown-model", `There is no model ${JSON.stringify(model)}.`, { param: "model" });
  }

  #info(name: string): ServedModelInfo {
    const textShape = [16, 8] as const;
    const settings = { steps: this.behaviour.steps, condScale: 1, sampler: "ddim" } as const;
    const needs = { imageEmbedding: true, textEncoding: false, image: false, imageSize: 0 };
    return {
      name,
      isLoaded: name === this.behaviour.models[0],
      prior: {
        settings: { ...settings, numSamplesPerBatch: 1 },
        family: "fake",
        version: undefined,
        imageEmbedDim: 8,
        textShape,
        requirements: new DataRequirements({ ...needs, imageEmbedding: false, textEncoding: true }, true),
      },
      decoder: {
        family: "fake",
        versions: this.behaviour.imageSizes.map(() => undefined),
        unets: this.behaviour.imageSizes.map((imageSize, i) => ({
          name: `U-Net ${i + 1}`,
          imageSize,
          takesText: false,
          takesImageEmbed: true,
          textShape: undefined,
          imageEmbedDim: 8,
          isTrained: true,
          components: [`U-Net ${i + 1}`],
          ...(i === 0 ? this.behaviour.unets[name] : {}),
        })),
        requirements: new DataRequirements(needs, true),
        settings: this.behaviour.imageSizes.map(() => settings),
      },
      clip: { make: "openai", model: "fake", contextLength: 16, imageSize: 16, dimLatent: 8 },
      defaults: { prior: {}, decoder: {} },
      dtype: "f32",
      device: DEVICE,
    };
  }
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function withResolvers(): PromiseWithResolvers {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function closing(): ServerError {
  return new ServerError("closing", "The server is being stopped. Try again later.", { retryAfter: 1 });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    if (milliseconds === 0) setImmediate(resolve);
    else setTimeout(resolve, milliseconds);
  });
}

/** Resolves with the promise, or rejects with the reason of the signal. */
async function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const aborted = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", aborted, { once: true });
    void promise.then(() => {
      signal.removeEventListener("abort", aborted);
      resolve();
    });
  });
}

/** FNV-1a. Different texts have different colours, as far as it matters to tests. */
export function colourOf(text: string): readonly [number, number, number] {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return [hash & 255, (hash >>> 8) & 255, (hash >>> 16) & 255];
}
