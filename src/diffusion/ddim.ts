import { ddimNumbers, ddimStep, predictX0, x0Numbers, type DdimNumbers } from "../ops/sampler.js";
import type { StepInputs } from "../ops/step-inputs.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Process, Sampler, SamplerStep, TimestepPair } from "./sampler.js";

export interface DdimOptions {
  readonly grid: readonly TimestepPair[];
  /** ᾱ of each timestep. */
  readonly alphas: Float32Array;
  /** 0 for the deterministic sampler, 1 to add as much noise as DDPM. */
  readonly eta: number;
  /**
   * Which noise is assumed in the state. "raw": the network's prediction, if it predicts noise. Otherwise it is
   * computed from the predicted x0 before or after clamping.
   */
  readonly epsilon: "rawOrUnclamped" | "rawOrClamped" | "clamped";
  /** Sign of epsilon if it is computed from x0. */
  readonly epsilonSign: "right" | "negated";
  /** Whether the step to timestep 0 adds noise, too. */
  readonly lastNoise: "off" | "on";
}

/**
 * DDIM (Song et al. 2021) over a timestep grid.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1307-L1369
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2912-L3017
 */
export function ddim(process: Process, options: DdimOptions): Sampler {
  const { grid, eta, lastNoise } = options;
  const noiseOf = ({ next }: TimestepPair): SamplerStep["noise"] => {
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
        // Some grids end at the clean sample.
        if (step.next < 0) return { x: x0 };
        return { x: ddimStep({ x, x0, noise }, numbers, epsilon(x, raw)) };
      };
    },
  };
}

/** Whether epsilon is the unchanged prediction of the network. */
function isRaw({ objective }: Process, { epsilon }: DdimOptions): boolean {
  return objective === "noise" && epsilon !== "clamped";
}

function numbersOf(process: Process, options: DdimOptions, { timestep, next }: TimestepPair): DdimNumbers {
  const { alphas, eta, epsilonSign } = options;
  const { x: recip, divisor: recipm1 } = process.schedule.noiseFromX0(timestep);
  // Without a next timestep, nothing reads the factors.
  const { scaleEpsilon, ...scales } = coefficients(alphas[timestep]!, alphas[next] ?? 1, eta);
  const sign = epsilonSign === "negated" && !isRaw(process, options) ? -1 : 1;
  return { ...scales, scaleEpsilon: sign * scaleEpsilon, recip, recipm1 };
}

/**
 * Returns the function that gives epsilon from the prediction. Its result is undefined if `ddimStep` must compute
 * epsilon from the state and the clamped x0.
 */
function epsilonOf(
  process: Process,
  options: DdimOptions,
  inputs: StepInputs,
  passes: readonly TimestepPair[],
): (x: Tensor, prediction: Tensor) => Tensor | undefined {
  if (isRaw(process, options)) return (_x, prediction) => prediction;
  if (options.epsilon !== "rawOrUnclamped") return () => undefined;
  const { schedule, objective } = process;
  const numbers = x0Numbers(
    inputs,
    passes.map(({ timestep }) => {
      const { x, prediction, scale = 1 } = schedule.x0From(objective, timestep);
      const { x: recip, divisor } = schedule.noiseFromX0(timestep);
      return { x: (recip - x * scale) / divisor, prediction: (-prediction * scale) / divisor };
    }),
  );
  return (x, prediction) => predictX0(x, prediction, numbers);
}

/** Returns the factors of x0, epsilon and new noise in the next state. Each operation is rounded to f32, as in torch. */
function coefficients(alpha: number, alphaNext: number, eta: number) {
  const f = Math.fround;
  const rest = f(1 - alphaNext);
  const variance = f(f(f(1 - f(alpha / alphaNext)) * rest) / f(1 - alpha));
  const scaleNoise = f(f(eta) * f(Math.sqrt(variance)));
  // Rounding may make the difference negative if all noise is new.
  const scaleEpsilon = f(Math.sqrt(Math.max(f(rest - f(scaleNoise * scaleNoise)), 0)));
  return { scaleX0: f(Math.sqrt(alphaNext)), scaleEpsilon, scaleNoise };
}
