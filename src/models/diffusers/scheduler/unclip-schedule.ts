import type { TimestepPair } from "../../../diffusion/sampler.js";
import { float32, makeTables, NoiseSchedule, type Objective } from "../../../diffusion/schedule.js";

/** Largest beta. */
const MAX_BETA = 0.999;

/**
 * The noise schedule of `UnCLIPScheduler`: the cosine schedule of Nichol & Dhariwal 2021, with betas and all that follows from them in
 * float32. It shows: at the last step x0 is multiplied by 0.99947, where exact numbers give 1.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_unclip.py#L48-L96
 */
export class UnclipSchedule extends NoiseSchedule {
  constructor(timesteps: number) {
    super(makeTables(betasOf(timesteps), float32));
  }

  /**
   * Divides by √ᾱ last, as the reference does: at the noisiest timesteps 1/√ᾱ is 20 000, and two terms of that size would
   * lose the digits of their small difference.
   * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_unclip.py#L281-L290
   */
  override x0From(objective: Objective, t: number): ReturnType<NoiseSchedule["x0From"]> {
    if (objective !== "noise") return super.x0From(objective, t);
    const { x0: alpha, noise: sigma } = this.qSample(t);
    return { x: 1, prediction: -sigma, scale: 1 / alpha };
  }

  /** ᾱ in a step; 1 for the clean sample, after timestep 0. */
  barAt(timestep: number): number {
    return timestep < 0 ? 1 : this.tables.alphasCumprod[timestep]!;
  }
}

function betasOf(timesteps: number): number[] {
  const alphaBar = (time: number): number => Math.cos((((time + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  return Array.from({ length: timesteps }, (_, i) =>
    float32(Math.min(1 - alphaBar((i + 1) / timesteps) / alphaBar(i / timesteps), MAX_BETA)),
  );
}

/**
 * The timesteps of a run with `count` steps: evenly spaced from the last one down to 0, halves rounded to even. A single step
 * goes from the last timestep to the clean sample.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_unclip.py#L171-L186
 */
export function unclipGrid(timesteps: number, count: number): TimestepPair[] {
  const ratio = (timesteps - 1) / (count - 1);
  const times =
    count === 1 ? [timesteps - 1] : Array.from({ length: count }, (_, i) => roundHalfToEven((count - 1 - i) * ratio));
  return times.map((timestep, i) => ({ timestep, next: times[i + 1] ?? -1 }));
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}
