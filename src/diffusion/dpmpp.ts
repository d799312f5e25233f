import { dpmppNumbers, dpmppStep, type DpmppNumbers } from "../ops/sampler.js";
import type { Process, Sampler, TimeStep } from "./sampler.js";
import type { NoiseSchedule } from "./schedule.js";

/**
 * DPM-Solver++ 2M (Lu et al. 2022, arXiv 2211.01095, algorithm 2): a multistep solver of second order for the probability
 * flow ODE in the form that integrates x0. It draws no noise, and ignores a learned variance. The first step has no step
 * before it, and the last leads to the clean sample, where half the log signal-to-noise ratio λ is infinite: both are of
 * first order.
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

/** The numbers of each step, in float64. */
export function dpmppCoefficients(schedule: NoiseSchedule, grid: readonly TimeStep[]): DpmppNumbers[] {
  let before: number | undefined;
  return grid.map(({ time, next }) => {
    const from = mixAt(schedule, time);
    const to = next < 0 ? { alpha: 1, sigma: 0 } : mixAt(schedule, next);
    const scaleX = to.sigma / from.sigma;
    // Equals -alpha(to) · (e^-h - 1), and holds where λ is infinite.
    const scaleD = to.alpha - from.alpha * scaleX;
    const h = lambda(to) - lambda(from);
    // 1 / 2r = h / 2h', where h' is the step before; no order to gain where either is infinite.
    const extrapolation = before !== undefined && Number.isFinite(before) && Number.isFinite(h) ? h / (2 * before) : 0;
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
