import { ddpmNumbers, ddpmStep, type DdpmNumbers } from "../ops/sampler.js";
import { evenGrid, type Process, type Sampler, type TimeStep } from "./sampler.js";
import type { NoiseSchedule } from "./schedule.js";

export interface DdpmOptions {
  /** Number of steps; default: every timestep of the schedule. */
  readonly count?: number | undefined;
  /** Where the network predicts the variance too: whether its fraction goes through a sigmoid. */
  readonly learnedVariance?: { readonly constrainFrac: boolean } | undefined;
}

/**
 * DDPM (Ho et al. 2020); with fewer steps than timesteps over evenly spaced ones, whose betas follow from ᾱ (Nichol &
 * Dhariwal 2021, section 4).
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L613-L620
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2784-L2817
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2819-L2827
 */
export function ddpm(
  { schedule }: Process,
  { count = schedule.timesteps, learnedVariance }: DdpmOptions = {},
): Sampler {
  const grid = evenGrid(schedule.timesteps, count);
  return {
    steps: grid.map((step) => ({ ...step, noise: step.next < 0 ? "unused" : "added" })),
    canGoBack: true,
    init: (inputs, stepOfPass) => {
      const numbers = ddpmNumbers(
        inputs,
        stepOfPass.map((step) => numbersOf(schedule, grid[step]!)),
      );
      return ({ x }, { raw, x0, noise }) => {
        const learned = learnedVariance && { prediction: raw, sigmoid: learnedVariance.constrainFrac };
        return { x: ddpmStep({ x, x0, noise }, numbers, learned) };
      };
    },
  };
}

function numbersOf(schedule: NoiseSchedule, { time, next }: TimeStep): DdpmNumbers {
  // As the checkpoint has them, to the last bit.
  if (next === time - 1) {
    const { x0: scaleX0, x: scaleX, logVariance } = schedule.posterior(time);
    return { scaleX0, scaleX, minLog: logVariance, maxLog: schedule.logBetas[time]! };
  }
  const { alphasCumprod } = schedule.tables;
  const bar = alphasCumprod[time]!;
  const barNext = next < 0 ? 1 : alphasCumprod[next]!;
  const beta = 1 - bar / barNext;
  return {
    scaleX0: (beta * Math.sqrt(barNext)) / (1 - bar),
    scaleX: ((1 - barNext) * Math.sqrt(1 - beta)) / (1 - bar),
    minLog: Math.log(Math.max((beta * (1 - barNext)) / (1 - bar), 1e-20)),
    maxLog: Math.log(beta),
  };
}
