import type { Objective } from "../config/resolve.js";
import { ddimStep } from "../ops/sampler.js";
import type { SamplerStep } from "./denoise.js";
import type { NoiseSchedule } from "./schedule.js";
import type { TimeStep } from "./time-grid.js";

export interface DdimOptions {
  readonly grid: readonly TimeStep[];
  readonly objective: Objective;
  /** The products ᾱ, by timestep: `alphasCumprod` for the decoder, `alphasCumprodPrev` for the prior. */
  readonly alphas: Float32Array;
  /** 0 for the deterministic sampler, 1 for as much noise as DDPM adds. */
  readonly eta: number;
}

/** The steps of DDIM (Song et al. 2021) over a time grid. */
export function ddimSteps(schedule: NoiseSchedule, { grid, objective, alphas, eta }: DdimOptions): SamplerStep[] {
  return grid.map(({ time, next }) => {
    const common = { time, nextTime: next, estimate: schedule.estimateX0(objective, time) };
    // The clean sample itself is the end of the prior's grid.
    if (next < 0) return { ...common, noise: "none", advance: (_x, x0) => x0 };
    const { x: recip, divisor: recipm1 } = schedule.noiseFromX0(time);
    const coefficients = { recip, recipm1, ...ddimCoefficients(alphas[time]!, alphas[next]!, eta) };
    return {
      ...common,
      noise: next === 0 ? "none" : eta === 0 ? "unused" : "added",
      advance: (x, x0, _prediction, noise) => ddimStep(x, x0, noise, coefficients),
    };
  });
}

/** Factors of x0, of the derived noise and of fresh noise in the next state, each operation in f32 as torch computes them. */
function ddimCoefficients(alpha: number, alphaNext: number, eta: number) {
  const f = Math.fround;
  const rest = f(1 - alphaNext);
  const variance = f(f(f(1 - f(alpha / alphaNext)) * rest) / f(1 - alpha));
  const scaleNoise = f(f(eta) * f(Math.sqrt(variance)));
  // Rounding may take the difference below zero where all noise is fresh.
  const scaleEpsilon = f(Math.sqrt(Math.max(f(rest - f(scaleNoise * scaleNoise)), 0)));
  return { scaleX0: f(Math.sqrt(alphaNext)), scaleEpsilon, scaleNoise };
}
