import type { Objective } from "../models/dalle2-pytorch/options.js";
import { ddpmStep, type LearnedVariance } from "../ops/sampler.js";
import type { SamplerStep } from "./denoise.js";
import type { NoiseSchedule } from "./schedule.js";

export interface DdpmOptions {
  readonly objective: Objective;
  /** Where the network predicts the variance too: whether its fraction goes through a sigmoid. */
  readonly learnedVariance?: { readonly constrainFrac: boolean } | undefined;
}

/** The steps of DDPM (Ho et al. 2020), one for each timestep of the schedule. */
export function ddpmSteps(schedule: NoiseSchedule, { objective, learnedVariance }: DdpmOptions): SamplerStep[] {
  return Array.from({ length: schedule.timesteps }, (_, index) => {
    const time = schedule.timesteps - 1 - index;
    const { x0: scaleX0, x: scaleX, logVariance: minLog } = schedule.posterior(time);
    const maxLog = schedule.logBetas[time]!;
    return {
      time,
      nextTime: time - 1,
      estimate: schedule.estimateX0(objective, time),
      noise: time === 0 ? "unused" : "added",
      advance: (x, x0, prediction, noise) => {
        const learned = (sigmoid: boolean): LearnedVariance => ({ prediction, minLog, maxLog, sigmoid });
        const logVariance = learnedVariance ? learned(learnedVariance.constrainFrac) : minLog;
        return ddpmStep(x, x0, noise, { scaleX0, scaleX, logVariance });
      },
    };
  });
}
