import { setTimeout as pause } from "node:timers/promises";
import { encodePng } from "../../../../src/image/png.js";
import type { RgbImage } from "../../../../src/image/image.js";
import { ArgumentError } from "../../../../src/platform/arguments.js";
import { requestSize, seedOfImage } from "../../../../src/requests/images.js";
import type { RunnerStatus, ServedDevice, ServedModelInfo, JobRunner } from "../../../../src/server/jobs/job-runner.js";
import type { FinishedImage, Job } from "../../../../src/server/jobs/job.js";
import { ServerError } from "../../../../src/server/server-error.js";

/** How a `SlowRunner` behaves. */
export interface SlowBehaviour {
  readonly models: readonly string[];
  /** Models that it has room for; the oldest is closed for a new one. Default: all. */
  readonly room?: number;
  /** Milliseconds that an image takes. */
  readonly imageMs: number;
  /** Milliseconds that opening a model takes. Default: 0. */
  readonly openMs?: number;
  /** Models that cannot be opened. */
  readonly broken?: readonly string[];
}

const STEPS = 4;
const SIDE = 8;

/**
 * Runs jobs by sleeping. An image depends on prompt and seed alone. A prompt that says `kill` ends the process, `fail` throws, and
 * `wrong` is refused.
 */
export class SlowRunner implements JobRunner {
  readonly #loaded: string[] = [];
  /** The jobs that ran, in the order in which they began. */
  readonly started: Job[] = [];
  running = 0;
  mostAtOnce = 0;

  constructor(
    private readonly behaviour: SlowBehaviour,
    private readonly onStart: (job: Job) => void = () => undefined,
  ) {}

  models() {
    return Promise.resolve(this.behaviour.models.map((name) => ({ name, isLoaded: this.#loaded.includes(name) })));
  }

  async describe(name: string): Promise<ServedModelInfo> {
    await this.#open(name, () => undefined);
    return {
      name,
      isLoaded: true,
      prior: undefined,
      decoder: undefined,
      clip: undefined,
      defaults: { prior: {}, decoder: {} },
      dtype: "f32",
      device: DEVICE,
    };
  }

  async run(job: Job): Promise<readonly FinishedImage[]> {
    const { events, request, signal, model } = job;
    await this.#open(model, (fraction) => events.onStage?.({ stage: "loading", fraction }));
    events.onStage?.({ stage: "running" });
    this.started.push(job);
    this.onStart(job);
    this.running++;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running);
    try {
      const [prompt = ""] = request.parameters.prompts;
      if (prompt.includes("kill")) process.kill(process.pid, "SIGKILL");
      if (prompt.includes("fail")) throw new ServerError("model-failed", `the prompt ${prompt}`);
      if (prompt.includes("wrong")) throw new ArgumentError("prompt", "The prompt is wrong.");
      const images: FinishedImage[] = [];
      for (let index = 0; index < requestSize(request); index++) {
        for (let step = 1; step <= STEPS; step++) {
          await pause(this.behaviour.imageMs / STEPS, undefined, { signal }).catch(() => {
            signal.throwIfAborted();
          });
          events.onProgress?.({ phase: "decoder", unetNumber: 1, step, steps: STEPS, millisecondsLeft: 1 });
          if (job.previewEvery !== undefined && step % job.previewEvery === 0) {
            events.onPreview?.(pixelsOf(job, index), index);
          }
        }
        const image = await imageOf(job, index);
        images.push(image);
        events.onImage?.(image, index);
      }
      return images;
    } finally {
      this.running--;
    }
  }

  status(): Promise<RunnerStatus> {
    return Promise.resolve({ isReady: true, waitingJobs: 0, runningJobs: this.running, devices: [DEVICE] });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #open(name: string, onFraction: (fraction: number) => void): Promise<void> {
    if (this.#loaded.includes(name)) return;
    const { openMs = 0, broken = [], room = Infinity } = this.behaviour;
    onFraction(0);
    await pause(openMs);
    if (broken.includes(name)) throw new ServerError("model-failed", `${name} cannot be opened`);
    onFraction(1);
    if (this.#loaded.includes(name)) return;
    this.#loaded.push(name);
    if (this.#loaded.length > room) this.#loaded.shift();
  }
}

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
  usedBytes: 0,
};

/** The image that a job has at an index, whoever generates it. */
export async function imageOf({ request }: Pick<Job, "request">, index: number): Promise<FinishedImage> {
  const pixels = pixelsOf({ request }, index);
  return {
    png: await encodePng(pixels),
    width: SIDE,
    height: SIDE,
    seed: seedOfImage(request.parameters.seed, index),
    parameters: { script: "create", tuning: "fake" },
  };
}

function pixelsOf({ request }: Pick<Job, "request">, index: number): RgbImage {
  const [prompt = ""] = request.parameters.prompts;
  const text = `${prompt}/${seedOfImage(request.parameters.seed, index)}`;
  const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => text.charCodeAt(i % text.length) + i);
  return { width: SIDE, height: SIDE, channels: 3, data };
}
