import type { Objective } from "../models/dalle2-pytorch/options.js";
import { ddimStep, predictX0 } from "../ops/sampler.js";
import type { Tensor } from "../tensor/tensor.js";
import type { SamplerDialect } from "../models/dalle2-pytorch/dialect/flags.js";
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
  /** What a version took for the noise in the state: see `ddimNoisePrior` and `ddimNoiseSign` of the dialect. */
  readonly epsilon: SamplerDialect["ddimNoisePrior"];
  readonly epsilonSign: SamplerDialect["ddimNoiseSign"];
  readonly lastNoise: SamplerDialect["ddimLastNoise"];
}

/** The steps of DDIM (Song et al. 2021) over a time grid. */
export function ddimSteps(schedule: NoiseSchedule, options: DdimOptions): SamplerStep[] {
  const { grid, objective, alphas, eta, lastNoise } = options;
  const epsilon = epsilonOf(schedule, options);
  return grid.map(({ time, next }) => {
    const common = { time, nextTime: next, estimate: schedule.estimateX0(objective, time) };
    // The clean sample itself is the end of the prior's grid.
    if (next < 0) return { ...common, noise: "none", advance: (_x, x0) => x0 };
    const { x: recip, divisor: recipm1 } = schedule.noiseFromX0(time);
    const { scaleX0, scaleEpsilon, scaleNoise } = ddimCoefficients(alphas[time]!, alphas[next]!, eta);
    const factors = { recip, recipm1, scaleX0, scaleEpsilon: epsilon.sign * scaleEpsilon, scaleNoise };
    return {
      ...common,
      noise: next === 0 && lastNoise === "off" ? "none" : eta === 0 ? "unused" : "added",
      advance: (x, x0, prediction, noise) =>
        ddimStep(x, x0, noise, { ...factors, epsilon: epsilon.at(time, x, prediction) }),
    };
  });
}

interface Epsilon {
  readonly sign: 1 | -1;
  /** From the state and the network's prediction; undefined where it follows from the state and the clamped x0. */
  readonly at: (time: number, x: Tensor, prediction: Tensor) => Tensor | undefined;
}

function epsilonOf(schedule: NoiseSchedule, { epsilon, epsilonSign, objective }: DdimOptions): Epsilon {
  if (objective === "noise" && epsilon !== "clamped") return { sign: 1, at: (_time, _x, prediction) => prediction };
  const sign = epsilonSign === "negated" ? -1 : 1;
  if (epsilon !== "rawOrUnclamped") return { sign, at: () => undefined };
  return {
    sign,
    at: (time, x, prediction) => {
      const estimate = schedule.estimateX0(objective, time);
      const { x: recip, divisor } = schedule.noiseFromX0(time);
      return predictX0(x, prediction, {
        scaleX: (recip - estimate.x) / divisor,
        scalePrediction: -estimate.prediction / divisor,
      });
    },
  };
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
