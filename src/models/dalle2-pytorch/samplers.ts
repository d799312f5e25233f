import { scaleBy } from "../../ops/elementwise.js";
import { ddim } from "../../diffusion/ddim.js";
import { ddpm } from "../../diffusion/ddpm.js";
import { evenGrid, type Process, type Sampler } from "../../diffusion/sampler.js";
import {
  isSharedSampler,
  SHARED_SAMPLERS,
  type ReferenceSamplerName,
  type SamplerName,
  type SharedSamplerName,
} from "../../diffusion/samplers.js";
import { ArgumentError } from "../../platform/arguments.js";
import { PRIOR_NAME } from "../component.js";
import type { SamplerDialect } from "./dialect/flags.js";
import { decoderTimeGrid, priorTimeGrid } from "./time-grid.js";

/** How to sample with a network of this family. */
export interface Sampling {
  readonly process: Process;
  /** Number of sampling steps. */
  readonly count: number;
  readonly dialect: SamplerDialect;
}

/** Additional settings for a U-Net. */
export interface UnetSampling extends Sampling {
  readonly eta: number;
  readonly learnedVariance: { readonly constrainFrac: boolean } | undefined;
}

/**
 * The reference's choice: DDPM for all timesteps, else DDIM.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1371-L1383
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L3019-L3030
 */
export function defaultSampler({ process, count }: Pick<Sampling, "process" | "count">): ReferenceSamplerName {
  return count === process.schedule.timesteps ? "ddpm" : "ddim";
}

const UNET_SAMPLERS: Readonly<Record<ReferenceSamplerName, (sampling: UnetSampling) => Sampler>> = {
  ddpm: ({ process, count, learnedVariance }) => ddpm(process, { count, learnedVariance }),
  ddim: ({ process, count, dialect, eta }) => {
    const { alphasCumprod, alphasCumprodPrev } = process.schedule.tables;
    return ddim(process, {
      grid: decoderTimeGrid(process.schedule.timesteps, count, dialect.ddimGridDecoder),
      alphas: dialect.ddimAlphas === "cumprod" ? alphasCumprod : alphasCumprodPrev,
      eta,
      epsilon: dialect.ddimNoiseDecoder,
      epsilonSign: dialect.ddimNoiseSign,
      lastNoise: dialect.ddimLastNoise,
    });
  },
};

const PRIOR_SAMPLERS: Readonly<Record<ReferenceSamplerName, (sampling: Sampling) => Sampler>> = {
  ddpm: ({ process, count }) => ddpm(process, { count }),
  ddim: ({ process, count, dialect }) => {
    const sampler = ddim(process, {
      grid: priorTimeGrid(process.schedule.timesteps, count, dialect.ddimGridPrior),
      alphas: process.schedule.tables.alphasCumprodPrev,
      eta: 1,
      epsilon: dialect.ddimNoisePrior,
      epsilonSign: dialect.ddimNoiseSign,
      lastNoise: dialect.ddimLastNoise,
    });
    return dialect.ddimPriorUpdate === "on" ? sampler : { ...sampler, init: () => stay };
  },
};

/** The sampler of a U-Net. */
export function unetSampler(name: SamplerName | undefined, sampling: UnetSampling): Sampler {
  const chosen = name ?? defaultSampler(sampling);
  return isSharedSampler(chosen) ? sharedSampler(chosen, sampling) : UNET_SAMPLERS[chosen](sampling);
}

/** The sampler of a prior. Throws `ArgumentError` for an invalid number of steps. */
export function priorSampler(name: SamplerName | undefined, sampling: Sampling): Sampler {
  const { process, count, dialect } = sampling;
  const chosen = name ?? defaultSampler(sampling);
  // Since 1.10.3 the network runs once less than DDIM has steps: a single step would return pure noise.
  const fewest = chosen === "ddim" && dialect.ddimGridPrior === "toMinusOne" ? 2 : 1;
  const { timesteps } = process.schedule;
  if (!Number.isInteger(count) || count < fewest || count > timesteps) {
    throw new ArgumentError("steps", `steps must be ${fewest} to ${timesteps} for this prior, not ${count}.`, {
      code: "argument/out-of-range",
    }).locate({ component: PRIOR_NAME });
  }
  return isSharedSampler(chosen) ? sharedSampler(chosen, sampling) : PRIOR_SAMPLERS[chosen](sampling);
}

function sharedSampler(name: SharedSamplerName, { process, count }: Sampling): Sampler {
  return SHARED_SAMPLERS[name](process, evenGrid(process.schedule.timesteps, count));
}

/** For versions whose loop never updated its state. */
const stay: ReturnType<Sampler["init"]> = ({ x }) => ({ x: scaleBy(x, 1) });
