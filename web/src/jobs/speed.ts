// How long a job takes, before its first step: as the last one on the same model.
import type { OpenModel } from "../engine/engine.js";
import { DEFAULTS } from "./defaults.js";
import { jobSize } from "./image-parameters.js";
import { runsPrior, type Request, type Sampling } from "./request.js";

/** Steps of a network that nobody says. */
const UNKNOWN_STEPS = 50;

/** Descriptions of a model that say how much work a job is. */
export type WorkFacts = Pick<OpenModel, "prior" | "decoder" | "defaults">;

/** The work of a job in evaluations of networks: a measure of its time on one model. */
export function workOf(request: Request, { prior, decoder, defaults }: WorkFacts): number {
  const { parameters } = request;
  const { task, unets, resampleTimes = DEFAULTS.resampleTimes } = parameters;
  const size = jobSize(request);
  const embeddings = task === "interpolate" ? 2 : size;
  const ofPrior = prior && runsPrior(parameters) ? embeddings * evaluations(parameters.prior, defaults.prior) : 0;
  const first = task === "upscale" ? (parameters.startAtUnetNumber ?? DEFAULTS.startAtUnetNumber) - 1 : 0;
  const ofUnets = (decoder?.unets ?? []).slice(first).map((_, i) => {
    const index = first + i;
    const own = {
      steps: valueOf(defaults.decoder.steps, index),
      condScale: valueOf(defaults.decoder.condScale, index),
    };
    return evaluations(unets[index] ?? {}, own) * (task === "inpaint" ? resampleTimes : 1);
  });
  return ofPrior + size * ofUnets.reduce((sum, one) => sum + one, 0);
}

function evaluations(asked: Sampling, defaults: Sampling): number {
  const { steps = defaults.steps ?? UNKNOWN_STEPS, condScale = defaults.condScale ?? 1 } = asked;
  // Guidance evaluates a network a second time.
  return steps * (condScale === 1 ? 1 : 2);
}

function valueOf(setting: number | readonly (number | null)[] | undefined, index: number): number | undefined {
  return (typeof setting === "number" ? setting : setting?.[index]) ?? undefined;
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
