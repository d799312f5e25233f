/**
 * Noise schedules (NoiseScheduler of DALLE2-pytorch 1.14.2). Tables are computed in float64 and rounded to float32 at
 * the end, like torch's buffers. "jsd" is computed in float32, as in the reference.
 */
import { InternalError } from "../platform/internal-error.js";
import { SamplingError } from "./sampling-error.js";

/** What a network predicts: the noise in its input, the clean sample, or v (Salimans & Ho 2022). */
export type Objective = "noise" | "x0" | "v";

export type BetaScheduleName = "cosine" | "linear" | "quadratic" | "sigmoid" | "jsd";

/**
 * Tables with one value for each timestep; timestep 0 has the least noise. Names are those of the buffers in a
 * checkpoint, in camelCase.
 */
export interface ScheduleTables {
  readonly betas: Float32Array;
  readonly alphasCumprod: Float32Array;
  /** ᾱ of the previous timestep; 1 at timestep 0. */
  readonly alphasCumprodPrev: Float32Array;
  readonly sqrtAlphasCumprod: Float32Array;
  readonly sqrtOneMinusAlphasCumprod: Float32Array;
  readonly logOneMinusAlphasCumprod: Float32Array;
  readonly sqrtRecipAlphasCumprod: Float32Array;
  readonly sqrtRecipm1AlphasCumprod: Float32Array;
  readonly posteriorVariance: Float32Array;
  /** Log of the posterior variance. At timestep 0 the variance is 0 and is clipped to 1e-20. */
  readonly posteriorLogVarianceClipped: Float32Array;
  readonly posteriorMeanCoef1: Float32Array;
  readonly posteriorMeanCoef2: Float32Array;
}

/** Rounds the result of one arithmetic operation to the precision that a schedule is computed in. */
type Rounding = (value: number) => number;
const float64: Rounding = (value) => value;
export const float32: Rounding = Math.fround;

/**
 * The tables of a schedule, and the coefficients that samplers read from them. All numbers are float32 values.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L539-L668
 */
export class NoiseSchedule {
  /** Log of β, the upper bound of a learned variance. */
  readonly logBetas: Float32Array;

  constructor(readonly tables: ScheduleTables) {
    this.logBetas = tables.betas.map((beta) => Math.log(beta));
  }

  /** Creates a schedule by name. Throws `SamplingError` if it is so short that betas reach 1. */
  static named(name: BetaScheduleName, timesteps: number): NoiseSchedule {
    const betas = BETAS[name](timesteps);
    // The last beta of "jsd" is 1 by definition. Betas of the others reach 1 if their scale, 1000 / timesteps, is too
    // large.
    if (name !== "jsd" && betas.some((beta) => beta >= 1)) {
      throw new SamplingError(
        `The noise schedule "${name}" with ${timesteps} timesteps has betas up to ${Math.max(...betas)}; they must be below 1.`,
        { advice: 'Use more than 20 timesteps, or the schedule "cosine".' },
      );
    }
    return new NoiseSchedule(makeTables(betas, name === "jsd" ? float32 : float64));
  }

  get timesteps(): number {
    return this.tables.betas.length;
  }

  /** Factors that noise a clean sample to timestep t: x_t = x0 · x0 + noise · noise. */
  qSample(t: number): { readonly x0: number; readonly noise: number } {
    return { x0: this.at("sqrtAlphasCumprod", t), noise: this.at("sqrtOneMinusAlphasCumprod", t) };
  }

  /** Factors from x at one timestep to x at a noisier one: x · x + noise · noise (RePaint's resampling). */
  qSampleFromTo(from: number, to: number): { readonly x: number; readonly noise: number } {
    const { x0: alpha, noise: sigma } = this.qSample(from);
    const { x0: alphaNext, noise: sigmaNext } = this.qSample(to);
    const difference = float32(float32(sigmaNext * alpha) - float32(sigma * alphaNext));
    return { x: float32(alphaNext / alpha), noise: float32(difference / alpha) };
  }

  /** Factors that give x0 from the prediction: x0 = (x · x + prediction · prediction) · scale. Default of `scale`: 1. */
  x0From(
    objective: Objective,
    t: number,
  ): { readonly x: number; readonly prediction: number; readonly scale?: number | undefined } {
    switch (objective) {
      case "x0":
        return { x: 0, prediction: 1 };
      case "noise":
        return { x: this.at("sqrtRecipAlphasCumprod", t), prediction: -this.at("sqrtRecipm1AlphasCumprod", t) };
      case "v":
        return { x: this.at("sqrtAlphasCumprod", t), prediction: -this.at("sqrtOneMinusAlphasCumprod", t) };
    }
  }

  /** Numbers that give the noise in x from x0: noise = (x · x - x0) / divisor. */
  noiseFromX0(t: number): { readonly x: number; readonly divisor: number } {
    return { x: this.at("sqrtRecipAlphasCumprod", t), divisor: this.at("sqrtRecipm1AlphasCumprod", t) };
  }

  /** Mean, x0 · x0 + x · x, and log variance of q(x_{t-1} | x_t, x0). */
  posterior(t: number): { readonly x0: number; readonly x: number; readonly logVariance: number } {
    return {
      x0: this.at("posteriorMeanCoef1", t),
      x: this.at("posteriorMeanCoef2", t),
      logVariance: this.at("posteriorLogVarianceClipped", t),
    };
  }

  private at(table: keyof ScheduleTables, t: number): number {
    const value = this.tables[table][t];
    if (value === undefined)
      throw new InternalError(`timestep ${t} is not in a schedule of ${this.timesteps} timesteps`);
    return value;
  }
}

/** @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L504-L536 */
const BETAS: Readonly<Record<BetaScheduleName, (timesteps: number) => number[]>> = {
  cosine: cosineBetas,
  linear: (timesteps) => {
    const [start, end] = betaRange(timesteps);
    return linspace(start, end, timesteps);
  },
  quadratic: (timesteps) => {
    const [start, end] = betaRange(timesteps);
    return linspace(Math.sqrt(start), Math.sqrt(end), timesteps).map((root) => root ** 2);
  },
  sigmoid: (timesteps) => {
    const [start, end] = betaRange(timesteps);
    return linspace(-6, 6, timesteps).map((x) => (end - start) / (1 + Math.exp(-x)) + start);
  },
  jsd: (timesteps) => linspace(timesteps, 1, timesteps, float32).map((steps) => float32(1 / steps)),
};

/** Nichol & Dhariwal 2021, eq. 17, with s = 0.008. */
function cosineBetas(timesteps: number): number[] {
  const s = 0.008;
  const alphaBar = (t: number) => Math.cos(((t / timesteps + s) / (1 + s)) * Math.PI * 0.5) ** 2;
  // Divided by the first value, as in the paper, although it cancels out of the ratio.
  const products = Array.from({ length: timesteps + 1 }, (_, t) => alphaBar(t) / alphaBar(0));
  return Array.from({ length: timesteps }, (_, t) => clamp(1 - products[t + 1]! / products[t]!, 0, 0.999));
}

/**
 * The range of Ho et al. 2020 is for 1000 timesteps. It is scaled, so that fewer timesteps have the same total noise.
 */
function betaRange(timesteps: number): [start: number, end: number] {
  const scale = 1000 / timesteps;
  return [scale * 0.0001, scale * 0.02];
}

/**
 * The tables for these betas. With `float32`, betas are float32 values, and the result of each operation is rounded. With
 * `float64`, only the tables are.
 */
export function makeTables(betas: readonly number[], round: Rounding): ScheduleTables {
  const alphas = betas.map((beta) => round(1 - beta));
  // torch accumulates products in float64 for every type.
  let product = 1;
  const alphasCumprod = alphas.map((alpha) => round((product *= alpha)));
  const prev = [1, ...alphasCumprod.slice(0, -1)];
  const rest = alphasCumprod.map((bar) => round(1 - bar));
  const restPrev = prev.map((bar) => round(1 - bar));
  const recip = alphasCumprod.map((bar) => round(1 / bar));
  const posteriorVariance = betas.map((beta, t) => round(round(beta * restPrev[t]!) / rest[t]!));
  const table = (value: (t: number) => number) => Float32Array.from(betas, (_, t) => value(t));
  return {
    betas: Float32Array.from(betas),
    alphasCumprod: Float32Array.from(alphasCumprod),
    alphasCumprodPrev: Float32Array.from(prev),
    sqrtAlphasCumprod: table((t) => Math.sqrt(alphasCumprod[t]!)),
    sqrtOneMinusAlphasCumprod: table((t) => Math.sqrt(rest[t]!)),
    logOneMinusAlphasCumprod: table((t) => Math.log(rest[t]!)),
    sqrtRecipAlphasCumprod: table((t) => Math.sqrt(recip[t]!)),
    sqrtRecipm1AlphasCumprod: table((t) => Math.sqrt(round(recip[t]! - 1))),
    posteriorVariance: Float32Array.from(posteriorVariance),
    posteriorLogVarianceClipped: table((t) => Math.log(Math.max(posteriorVariance[t]!, 1e-20))),
    posteriorMeanCoef1: table((t) => round(betas[t]! * round(Math.sqrt(prev[t]!))) / rest[t]!),
    posteriorMeanCoef2: table((t) => round(restPrev[t]! * round(Math.sqrt(alphas[t]!))) / rest[t]!),
  };
}

/**
 * Same as torch.linspace on a CPU: computed from the nearer end, each value with one fused multiply-add. Rounding
 * matters because values are truncated to timesteps.
 */
export function linspace(start: number, end: number, count: number, round: Rounding = float64): number[] {
  if (count === 1) return [round(start)];
  const step = round((end - start) / (count - 1));
  const half = Math.floor(count / 2);
  return Array.from({ length: count }, (_, i) => round(i < half ? start + step * i : end - step * (count - 1 - i)));
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
