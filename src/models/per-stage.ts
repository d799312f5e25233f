import { SamplingError } from "../diffusion/sampling-error.js";
import type { CascadeSampling, CascadeStage } from "./interfaces.js";

/** One value for each stage, of an option given for all or for each. Throws `SamplingError` for a list of another length. */
export function perStage<T extends number | null>(name: string, value: T | readonly T[], count: number): readonly T[] {
  if (!isList(value)) return new Array<T>(count).fill(value);
  if (value.length === count) return value;
  throw new SamplingError(`${name} has ${value.length} values; there are ${count} U-Nets.`);
}

/** Sampling steps of each stage where a call asks for these. Throws `SamplingError` for a list of another length. */
export function stepCounts(
  stages: readonly CascadeStage[],
  timesteps: CascadeSampling<unknown>["timesteps"],
): readonly number[] {
  const asked = perStage("timesteps", timesteps ?? null, stages.length);
  return stages.map((stage, i) => stage.stepCount(asked[i] ?? null));
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
