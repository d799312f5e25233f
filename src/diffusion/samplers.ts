import { dpmpp2m } from "./dpmpp.js";
import type { Process, Sampler, TimeStep } from "./sampler.js";

type SharedSampler = (process: Process, grid: readonly TimeStep[]) => Sampler;

/** Samplers that take nothing but a diffusion process and a time grid, by name: every family has them as they are. */
export const SHARED_SAMPLERS = { dpmpp2m } as const satisfies Readonly<Record<string, SharedSampler>>;
export type SharedSamplerName = keyof typeof SHARED_SAMPLERS;

/** Samplers that each family sets up as its reference does. */
const REFERENCE_SAMPLERS = ["ddpm", "ddim"] as const;
export type ReferenceSamplerName = (typeof REFERENCE_SAMPLERS)[number];

/** A sampler by its name: DDPM (Ho et al. 2020), DDIM (Song et al. 2021), or a solver such as DPM-Solver++ 2M (Lu et al. 2022). */
export type SamplerName = ReferenceSamplerName | SharedSamplerName;

/** Samplers by the names that users give them. */
export const SAMPLER_NAMES: readonly SamplerName[] = [
  ...REFERENCE_SAMPLERS,
  ...(Object.keys(SHARED_SAMPLERS) as readonly SharedSamplerName[]),
];

/** Whether a sampler is the same in every family. */
export function isSharedSampler(name: SamplerName): name is SharedSamplerName {
  return Object.hasOwn(SHARED_SAMPLERS, name);
}
