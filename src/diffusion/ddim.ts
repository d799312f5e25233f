import { ddimNumbers, ddimStep, predictX0, x0Numbers, type DdimNumbers } from "../ops/sampler.js";
import type { StepInputs } from "../ops/step-inputs.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Process, Sampler, SamplerStep, TimeStep } from "./sampler.js";

export interface DdimOptions {
  readonly grid: readonly TimeStep[];
  /** The products ᾱ, by timestep. */
  readonly alphas: Float32Array;
  /** 0 for the deterministic sampler, 1 for as much noise as DDPM adds. */
  readonly eta: number;
  /** The noise that is taken to be in the state: as predicted, where that is what the network predicts; or by x0. */
  readonly epsilon: "rawOrUnclamped" | "rawOrClamped" | "clamped";
  /** Sign of what follows from x0. */
  readonly epsilonSign: "right" | "negated";
  /** Whether the step to timestep 0 adds noise too. */
  readonly lastNoise: "off" | "on";
}

/**
 * DDIM (Song et al. 2021) over a time grid.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1307-L1369
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2912-L3017
 */
export function ddim(process: Process, options: DdimOptions): Sampler {
  const { grid, eta, lastNoise } = options;
  const noiseOf = ({ next }: TimeStep): SamplerStep["noise"] => {
    if (next < 0 || (next === 0 && lastNoise === "off")) return "none";
    return eta === 0 ? "unused" : "added";
  };
  return {
    steps: grid.map((step) => ({ ...step, noise: noiseOf(step) })),
    canGoBack: true,
    init: (inputs, stepOfPass) => {
      const passes = stepOfPass.map((step) => grid[step]!);
      const numbers = ddimNumbers(
        inputs,
        passes.map((step) => numbersOf(process, options, step)),
      );
      const epsilon = epsilonOf(process, options, inputs, passes);
      return ({ x }, { x0, raw, noise, step }) => {
        // The clean sample itself is the end of some grids.
        if (step.next < 0) return { x: x0 };
        return { x: ddimStep({ x, x0, noise }, numbers, epsilon(x, raw)) };
      };
    },
  };
}

/** Whether epsilon is the network's prediction as it is. */
function isRaw({ objective }: Process, { epsilon }: DdimOptions): boolean {
  return objective === "noise" && epsilon !== "clamped";
}

function numbersOf(process: Process, options: DdimOptions, { time, next }: TimeStep): DdimNumbers {
  const { alphas, eta, epsilonSign } = options;
  const { x: recip, divisor: recipm1 } = process.schedule.noiseFromX0(time);
  // Without a next time, nothing reads them.
  const { scaleEpsilon, ...scales } = coefficients(alphas[time]!, alphas[next] ?? 1, eta);
  const sign = epsilonSign === "negated" && !isRaw(process, options) ? -1 : 1;
  return { ...scales, scaleEpsilon: sign * scaleEpsilon, recip, recipm1 };
}

/** The noise in a state by the network's prediction; undefined where it follows from the state and the clamped x0. */
function epsilonOf(
  process: Process,
  options: DdimOptions,
  inputs: StepInputs,
  passes: readonly TimeStep[],
): (x: Tensor, prediction: Tensor) => Tensor | undefined {
  if (isRaw(process, options)) return (_x, prediction) => prediction;
  if (options.epsilon !== "rawOrUnclamped") return () => undefined;
  const { schedule, objective } = process;
  const numbers = x0Numbers(
    inputs,
    passes.map(({ time }) => {
      const x0 = schedule.x0From(objective, time);
      const { x: recip, divisor } = schedule.noiseFromX0(time);
      return { x: (recip - x0.x) / divisor, prediction: -x0.prediction / divisor };
    }),
  );
  return (x, prediction) => predictX0(x, prediction, numbers);
}

/** Factors of x0, of the derived noise and of fresh noise in the next state, each operation in f32 as torch computes them. */
function coefficients(alpha: number, alphaNext: number, eta: number) {
  const f = Math.fround;
  const rest = f(1 - alphaNext);
  const variance = f(f(f(1 - f(alpha / alphaNext)) * rest) / f(1 - alpha));
  const scaleNoise = f(f(eta) * f(Math.sqrt(variance)));
  // Rounding may take the difference below zero where all noise is fresh.
  const scaleEpsilon = f(Math.sqrt(Math.max(f(rest - f(scaleNoise * scaleNoise)), 0)));
  return { scaleX0: f(Math.sqrt(alphaNext)), scaleEpsilon, scaleNoise };
}
