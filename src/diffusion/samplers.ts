import { dpmpp2m } from "./dpmpp.js";
import type { Process, Sampler, TimeStep } from "./sampler.js";

type Solver = (process: Process, grid: readonly TimeStep[]) => Sampler;

/** Samplers that each family sets up as its reference does. */
const REFERENCE_SAMPLERS = ["ddpm", "ddim"] as const;

/** The names of all samplers. */
export const SAMPLER_NAMES = [...REFERENCE_SAMPLERS, "dpmpp2m"] as const;

/** A sampler by its name: DDPM (Ho et al. 2020), DDIM (Song et al. 2021), or a solver such as DPM-Solver++ 2M (Lu et al. 2022). */
export type SamplerName = (typeof SAMPLER_NAMES)[number];

export type ReferenceSamplerName = (typeof REFERENCE_SAMPLERS)[number];

export type SolverName = Exclude<SamplerName, ReferenceSamplerName>;

/**
 * Samplers that take nothing but a diffusion process and a time grid, by name: every family has them as they are.
 *
 * @internal
 */
export const SOLVERS: Readonly<Record<SolverName, Solver>> = { dpmpp2m };

/**
 * Whether a sampler is the same in every family.
 *
 * @internal
 */
export function isSolver(name: SamplerName): name is SolverName {
  return Object.hasOwn(SOLVERS, name);
}
