import type { StepInputs } from "../ops/step-inputs.js";
import type { Tensor } from "../tensor/tensor.js";
import { linspace, type NoiseSchedule, type Objective } from "./schedule.js";

/** The diffusion process that a network was trained on, and what the network predicts of it. */
export interface Process {
  readonly schedule: NoiseSchedule;
  readonly objective: Objective;
}

/** From one timestep to an earlier one; `next` of -1 means the clean sample. */
export interface TimeStep {
  readonly time: number;
  readonly next: number;
}

/** One step of a sampler. */
export interface SamplerStep extends TimeStep {
  /** Fresh noise that the step takes; `unused` is drawn, to keep the order of draws, and multiplied by zero. */
  readonly noise: "none" | "unused" | "added";
}

/** What a step hands on to the next. All tensors are f32. */
export interface SamplerState {
  readonly x: Tensor;
  /** The predicted x0 of the step before, for samplers that build on it; none before the first step. */
  readonly lastX0?: Tensor | undefined;
}

/** What is known of a state when its step is taken. */
export interface Prediction {
  /** The network's, guided, f32; behind the channels of the state may lie a learned variance. */
  readonly raw: Tensor;
  /** The predicted x0, clamped as the model wants it. */
  readonly x0: Tensor;
  /** Where the step takes noise. */
  readonly noise: Tensor | undefined;
  readonly step: SamplerStep;
}

/** Encodes one step. */
export type EncodeStep = (state: SamplerState, prediction: Prediction) => SamplerState;

/** A way from noise to a sample: which times it visits, and what it does there. */
export interface Sampler {
  /** An evaluation of the network each. */
  readonly steps: readonly SamplerStep[];
  /** Whether steps may be taken again after going back in time, as RePaint does: each depends on its state alone. */
  readonly canGoBack: boolean;
  /** Uploads the numbers of a run in which pass i is step `stepOfPass[i]`. */
  init(inputs: StepInputs, stepOfPass: readonly number[]): EncodeStep;
}

/** `count` whole timesteps, evenly from the last of `timesteps` down to 0, each with the next; the last leads to the clean sample. */
export function evenGrid(timesteps: number, count: number): TimeStep[] {
  const times = linspace(timesteps - 1, 0, count).map(Math.round);
  return times.map((time, i) => ({ time, next: times[i + 1] ?? -1 }));
}
