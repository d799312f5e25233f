import type { Sampler, TimestepPair } from "../../../diffusion/sampler.js";
import { ddpmNumbers, ddpmStep, type DdpmNumbers } from "../../../ops/sampler.js";
import type { DiffusersSchedule } from "./diffusers-schedule.js";

/** Smallest variance whose logarithm is taken. */
const MIN_VARIANCE = 1e-20;

/**
 * DDPM over a grid, as diffusers has it; its schedulers differ in the numbers of a step. With a learned variance the prediction has it
 * behind the channels of the state.
 */
export function ddpmSampler(
  grid: readonly TimestepPair[],
  numbersOf: (step: TimestepPair) => DdpmNumbers,
  learnedVariance = false,
): Sampler {
  return {
    // A step from timestep 0 has no draw. The last step may come from another timestep.
    steps: grid.map((step) => ({ ...step, noise: step.timestep > 0 ? "added" : "none" })),
    canGoBack: true,
    init: (inputs, stepOfPass) => {
      const numbers = ddpmNumbers(
        inputs,
        stepOfPass.map((step) => numbersOf(grid[step]!)),
      );
      return ({ x }, { raw, x0, noise }) => {
        const learned = learnedVariance ? { prediction: raw, sigmoid: false } : undefined;
        return { x: ddpmStep({ x, x0, noise }, numbers, learned) };
      };
    },
  };
}

/**
 * The numbers of a step of `DDPMScheduler`. Its beta is never that of the table.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_ddpm.py#L440-L509
 */
export function ddpmStepNumbers(schedule: DiffusersSchedule, step: TimestepPair): DdpmNumbers {
  const alpha = Math.fround(schedule.barAt(step.timestep) / schedule.barAt(step.next));
  return posteriorNumbers(schedule, step, { alpha, beta: Math.fround(1 - alpha) });
}

/**
 * The numbers of a step with this alpha and this beta, f32. Each operation is rounded to f32, as in torch.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_ddpm.py#L333-L365
 */
export function posteriorNumbers(
  schedule: Pick<DiffusersSchedule, "barAt">,
  { timestep, next }: TimestepPair,
  { alpha, beta }: { readonly alpha: number; readonly beta: number },
): DdpmNumbers {
  const f = Math.fround;
  const [bar, barNext] = [schedule.barAt(timestep), schedule.barAt(next)];
  const [rest, restNext] = [f(1 - bar), f(1 - barNext)];
  const variance = f(f(restNext / rest) * beta);
  return {
    scaleX0: f(f(f(Math.sqrt(barNext)) * beta) / rest),
    scaleX: f(f(f(Math.sqrt(alpha)) * restNext) / rest),
    minLog: Math.log(Math.max(variance, MIN_VARIANCE)),
    maxLog: Math.log(beta),
  };
}
