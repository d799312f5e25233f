import { dpmpp2m } from "./dpmpp.js";
import type { Process, Sampler, TimestepPair } from "./sampler.js";

type SharedSampler = (process: Process, grid: readonly TimestepPair[]) => Sampler;

/** Samplers that need only a diffusion process and a grid of timesteps. They are the same in every family. */
export const SHARED_SAMPLERS = { dpmpp2m } as const satisfies Readonly<Record<string, SharedSampler>>;
export type SharedSamplerName = keyof typeof SHARED_SAMPLERS;

/** Samplers that each family configures as its reference does. */
const REFERENCE_SAMPLERS = ["ddpm", "ddim"] as const;
export type ReferenceSamplerName = (typeof REFERENCE_SAMPLERS)[number];

/** Name of a sampler: DDPM (Ho et al. 2020), DDIM (Song et al. 2021) or DPM-Solver++ 2M (Lu et al. 2022). */
export type SamplerName = ReferenceSamplerName | SharedSamplerName;

/** The names of all samplers. */
export const SAMPLER_NAMES: readonly SamplerName[] = [
  ...REFERENCE_SAMPLERS,
  ...(Object.keys(SHARED_SAMPLERS) as readonly SharedSamplerName[]),
];

/** Whether a sampler is the same in every family. */
export function isSharedSampler(name: SamplerName): name is SharedSamplerName {
  return Object.hasOwn(SHARED_SAMPLERS, name);
}
