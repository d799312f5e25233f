import type { TimestepPair } from "../../../diffusion/sampler.js";
import { cosineBetas, DiffusersSchedule, roundHalfToEven } from "./diffusers-schedule.js";

/**
 * The noise schedule of `UnCLIPScheduler`: the cosine schedule of Nichol & Dhariwal 2021 in float32. It shows: at the last step x0 is
 * multiplied by 0.99947, where exact numbers give 1.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_unclip.py#L48-L96
 */
export class UnclipSchedule extends DiffusersSchedule {
  constructor(timesteps: number) {
    super(cosineBetas(timesteps));
  }
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
