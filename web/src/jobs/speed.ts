// How long a job takes, before its first step: as the last one on the same model.
import type { NetworkSettings } from "dalle2-webgpu";
import type { OpenModel } from "../engine/engine.js";
import { type ImageRequest, REQUEST_DEFAULTS, requestSize, runsPrior, type Sampling } from "dalle2-webgpu/requests";

/** Descriptions of a model that say how much work a job is. */
export type WorkFacts = Pick<OpenModel, "prior" | "decoder">;

/** The work of a job in evaluations of networks: a measure of its time on one model. */
export function workOf(request: ImageRequest, { prior, decoder }: WorkFacts): number {
  const { parameters } = request;
  const { task, unets, resampleTimes = REQUEST_DEFAULTS.resampleTimes } = parameters;
  const size = requestSize(request);
  const embeddings = task === "interpolate" ? 2 : size;
  const ofPrior = prior && runsPrior(parameters) ? embeddings * evaluations(parameters.prior, prior.settings) : 0;
  const first = task === "upscale" ? (parameters.startAtUnetNumber ?? REQUEST_DEFAULTS.startAtUnetNumber) - 1 : 0;
  const ofUnets = (decoder?.settings ?? []).slice(first).map((own, i) => {
    return evaluations(unets[first + i] ?? {}, own) * (task === "inpaint" ? resampleTimes : 1);
  });
  return ofPrior + size * ofUnets.reduce((sum, one) => sum + one, 0);
}

function evaluations(asked: Sampling, defaults: NetworkSettings): number {
  const { steps = defaults.steps, condScale = defaults.condScale } = asked;
  // Guidance evaluates a network a second time.
  return steps * (condScale === 1 ? 1 : 2);
}

/** How fast each model was, by its id and the task. */
export class Speeds {
  readonly #millisecondsOfWork = new Map<string, number>();

  /** A job was done in this time. */
  learn(key: string, work: number, milliseconds: number): void {
    if (work > 0 && milliseconds > 0) this.#millisecondsOfWork.set(key, milliseconds / work);
  }

  /** How long a job will take, in milliseconds; undefined before the first. */
  estimate(key: string, work: number): number | undefined {
    const each = this.#millisecondsOfWork.get(key);
    return each === undefined ? undefined : each * work;
  }
}
