import { dpmppNumbers, dpmppStep, type DpmppNumbers } from "../ops/sampler.js";
import type { Process, Sampler, TimeStep } from "./sampler.js";
import type { NoiseSchedule } from "./schedule.js";

/**
 * DPM-Solver++ 2M (Lu et al. 2022, arXiv 2211.01095, algorithm 2): a multistep solver of second order for the probability
 * flow ODE in the form that integrates x0. It draws no noise, and ignores a learned variance. The first step has no step
 * before it, and the last leads to the clean sample, where half the log signal-to-noise ratio λ is infinite: both are of
 * first order. So is the one before the last, as in the authors' own code (`lower_order_final`): it ends at the first
 * timestep, towards which λ rises so steeply that few steps would extrapolate by more than twice the last change of x0.
 * @see https://github.com/LuChengTHU/dpm-solver/blob/52bc3fbcd5de56d60917b826b15d2b69460fc2fa/dpm_solver_pytorch.py#L796-L852
 * @see https://github.com/LuChengTHU/dpm-solver/blob/52bc3fbcd5de56d60917b826b15d2b69460fc2fa/dpm_solver_pytorch.py#L1197-L1201
 * @see https://github.com/crowsonkb/k-diffusion/blob/0c6cc822e050e59d3e59128c57d350074969b267/k_diffusion/sampling.py#L584-L607
 */
export function dpmpp2m({ schedule }: Process, grid: readonly TimeStep[]): Sampler {
  return {
    steps: grid.map((step) => ({ ...step, noise: "none" })),
    canGoBack: false,
    init: (inputs, stepOfPass) => {
      const rows = dpmppCoefficients(schedule, grid);
      const numbers = dpmppNumbers(
        inputs,
        stepOfPass.map((step) => rows[step]!),
      );
      return ({ x, lastX0 }, { x0 }) => ({ x: dpmppStep(x, x0, lastX0 ?? x0, numbers), lastX0: x0 });
    },
  };
}

/** Signal and noise of a state, x = alpha · x0 + sigma · noise. */
interface Mix {
  readonly alpha: number;
  readonly sigma: number;
}

/** The numbers of each step, in float64. `next` of -1 is the clean sample, where the noise ends. */
export function dpmppCoefficients(schedule: NoiseSchedule, grid: readonly TimeStep[]): DpmppNumbers[] {
  // Of the step before; infinite where there is none, as from noise alone: there is no order to gain.
  let before = Infinity;
  return grid.map(({ time, next }, i) => {
    const from = mixAt(schedule, time);
    const to = next < 0 ? { alpha: 1, sigma: 0 } : mixAt(schedule, next);
    const scaleX = to.sigma / from.sigma;
    // Equals -alpha(to) · (e^-h - 1), and holds where λ is infinite.
    const scaleD = to.alpha - from.alpha * scaleX;
    const h = lambda(to) - lambda(from);
    const isNearTheEnd = next < 0 || (grid[i + 1]?.next ?? 0) < 0;
    // 1 / 2r of the paper.
    const extrapolation = isNearTheEnd || before === Infinity ? 0 : h / (2 * before);
    before = h;
    return { scaleX, scaleX0: scaleD * (1 + extrapolation), scaleLast: -scaleD * extrapolation };
  });
}

function mixAt({ tables }: NoiseSchedule, time: number): Mix {
  const bar = tables.alphasCumprod[time]!;
  return { alpha: Math.sqrt(bar), sigma: Math.sqrt(1 - bar) };
}

function lambda({ alpha, sigma }: Mix): number {
  return Math.log(alpha / sigma);
}
