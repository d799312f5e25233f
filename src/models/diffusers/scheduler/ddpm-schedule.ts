import type { TimestepPair } from "../../../diffusion/sampler.js";
import { float32, linspace } from "../../../diffusion/schedule.js";
import type { DdpmSchedulerOptions } from "../config/ddpm-scheduler-config.js";
import { cosineBetas, roundHalfToEven } from "./diffusers-schedule.js";

/**
 * The betas of a `DDPMScheduler`, float32.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_ddpm.py#L199-L216
 */
export function ddpmBetas({ betaSchedule, betaRange: [start, end], timesteps }: DdpmSchedulerOptions): number[] {
  switch (betaSchedule) {
    case "linear":
      return linspace(float32(start), float32(end), timesteps, float32);
    case "scaled_linear":
      return linspace(float32(Math.sqrt(start)), float32(Math.sqrt(end)), timesteps, float32).map((root) =>
        float32(root * root),
      );
    case "squaredcos_cap_v2":
      return cosineBetas(timesteps);
  }
}

/**
 * The timesteps of a run with `count` steps, each with the next one. With the spacing "leading" and an offset of 1 the last is 1,
 * which leads to the clean sample nevertheless. With as many steps as in training it would begin behind the last timestep.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_ddpm.py#L246-L331
 */
export function ddpmGrid(
  { timesteps, spacing, offset }: Pick<DdpmSchedulerOptions, "timesteps" | "spacing" | "offset">,
  count: number,
): TimestepPair[] {
  const ratio = Math.floor(timesteps / count);
  const timeOf = {
    leading: (k: number) => k * ratio + offset,
    linspace: (k: number) => (count === 1 ? 0 : roundHalfToEven((k * (timesteps - 1)) / (count - 1))),
    trailing: (k: number) => roundHalfToEven(timesteps - (count - 1 - k) * (timesteps / count)) - 1,
  }[spacing];
  const times = Array.from({ length: count }, (_, i) => timeOf(count - 1 - i));
  return times.map((timestep, i) => ({ timestep, next: times[i + 1] ?? -1 }));
}
