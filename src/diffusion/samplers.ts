import { dpmpp2m } from "./dpmpp.js";
import type { Process, Sampler, TimestepPair } from "./sampler.js";

type SharedSampler = (process: Process, grid: readonly TimestepPair[]) => Sampler;

/** Samplers that each family configures as its reference does. */
const REFERENCE_SAMPLERS = ["ddpm", "ddim"] as const;

/** The names of all samplers. */
export const SAMPLER_NAMES = [...REFERENCE_SAMPLERS, "dpmpp2m"] as const;

/** Name of a sampler: DDPM (Ho et al. 2020), DDIM (Song et al. 2021) or DPM-Solver++ 2M (Lu et al. 2022). */
export type SamplerName = (typeof SAMPLER_NAMES)[number];

export type ReferenceSamplerName = (typeof REFERENCE_SAMPLERS)[number];

export type SharedSamplerName = Exclude<SamplerName, ReferenceSamplerName>;

/**
 * Samplers that need only a diffusion process and a grid of timesteps. They are the same in every family.
 *
 * @internal
 */
export const SHARED_SAMPLERS: Readonly<Record<SharedSamplerName, SharedSampler>> = { dpmpp2m };

/**
 * Whether a sampler is the same in every family.
 *
 * @internal
 */
export function isSharedSampler(name: SamplerName): name is SharedSamplerName {
  return Object.hasOwn(SHARED_SAMPLERS, name);
}
