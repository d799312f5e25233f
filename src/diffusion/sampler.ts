import type { StepInputs } from "../ops/step-inputs.js";
import type { Tensor } from "../tensor/tensor.js";
import { linspace, type NoiseSchedule, type Objective } from "./schedule.js";

/** The diffusion process that a network was trained on, and what the network predicts. */
export interface Process {
  readonly schedule: NoiseSchedule;
  readonly objective: Objective;
}

/** A timestep and the earlier one that a step leads to. A `next` of -1 is the clean sample. */
export interface TimestepPair {
  readonly timestep: number;
  readonly next: number;
}

/** One step of a sampler. */
export interface SamplerStep extends TimestepPair {
  /** New noise that the step needs. `unused` noise is drawn, to keep the order of draws, but not added. */
  readonly noise: "none" | "unused" | "added";
}

/** State between two steps. All tensors are f32. */
export interface SamplerState {
  readonly x: Tensor;
  /** The predicted x0 of the previous step, for samplers that need it. Undefined before the first step. */
  readonly lastX0?: Tensor | undefined;
  /** What else a sampler keeps of earlier steps, in its own order. Undefined before the first step. */
  readonly kept?: readonly Tensor[] | undefined;
}

/** The prediction for a state, and the inputs of its step. */
export interface Prediction {
  /** The guided prediction of the network, f32. A learned variance may follow the channels of the state. */
  readonly raw: Tensor;
  /** The predicted x0, clamped as the model requires. */
  readonly x0: Tensor;
  /** Noise, if the step adds some. */
  readonly noise: Tensor | undefined;
  readonly step: SamplerStep;
}

/** Encodes one step. */
export type EncodeStep = (state: SamplerState, prediction: Prediction) => SamplerState;

/** The rule that moves from noise to a sample: which timesteps it uses, and what each step computes. */
export interface Sampler {
  /** Each step evaluates the network once. */
  readonly steps: readonly SamplerStep[];
  /** Whether steps can be repeated, as RePaint does: true if a step depends only on its state. */
  readonly canGoBack: boolean;
  /** Uploads the numbers of a run in which pass i does step `stepOfPass[i]`. */
  init(inputs: StepInputs, stepOfPass: readonly number[]): EncodeStep;
  /** The sampler of a run of about the last `count` steps alone. Default: exactly these steps, as they are. */
  last?(count: number): Sampler;
}

/** Returns how many of `steps` steps a run from an image takes: the share `strength`, rounded down, as in Diffusers. */
export function stepsOfStrength(steps: number, strength: number): number {
  // 0.29 · 100 is a little less than 29.
  return Math.floor(strength * steps + 1e-9);
}

/** Returns a sampler with only the last `count` steps of another, or about as many (see `Sampler.last`). */
export function lastSteps(sampler: Sampler, count: number): Sampler {
  if (sampler.last) return sampler.last(count);
  const skipped = sampler.steps.length - count;
  return {
    ...sampler,
    steps: sampler.steps.slice(skipped),
    init: (inputs, stepOfPass) =>
      sampler.init(
        inputs,
        stepOfPass.map((step) => step + skipped),
      ),
  };
}

/**
 * Returns `count` evenly spaced timesteps from `timesteps` - 1 down to 0, each with the next one. The last leads to the
 * clean sample.
 */
export function evenGrid(timesteps: number, count: number): TimestepPair[] {
  const times = linspace(timesteps - 1, 0, count).map(Math.round);
  return times.map((timestep, i) => ({ timestep, next: times[i + 1] ?? -1 }));
}
