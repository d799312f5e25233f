import type { TimestepPair } from "../../../diffusion/sampler.js";
import { float32, linspace } from "../../../diffusion/schedule.js";
import { ArgumentError } from "../../../platform/arguments.js";
import type { BetaOptions } from "../config/beta-config.js";
import type { DdpmSchedulerOptions, TimestepSpacing } from "../config/ddpm-scheduler-config.js";
import { cosineBetas, roundHalfToEven } from "./diffusers-schedule.js";

/**
 * The betas of a `DDPMScheduler`, float32.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_ddpm.py#L199-L216
 */
export function ddpmBetas({ betaSchedule, betaRange: [start, end], timesteps }: BetaOptions): number[] {
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

/** What decides the timesteps of a run. */
export type GridOptions = Pick<DdpmSchedulerOptions, "timesteps" | "spacing" | "offset">;

/**
 * The timesteps of a run with `count` steps, each with the next one. With the spacing "leading" and an offset of 1 the last is 1,
 * which leads to the clean sample nevertheless. With as many steps as in training it would begin behind the last timestep. Numbers
 * between two timesteps are rounded as those of numpy, with its errors: they decide where a number is nearly half. For some counts
 * those errors give the reference's spacing "trailing" a pass more, at timestep -1, which destroys the sample: it is left out here.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_ddpm.py#L246-L331
 */
export function ddpmGrid(options: GridOptions, count: number): TimestepPair[] {
  const times = TIMES[options.spacing](options, count);
  return times.map((timestep, i) => ({ timestep, next: times[i + 1] ?? -1 }));
}

/** The timesteps of each spacing, downwards. */
const TIMES: Readonly<Record<TimestepSpacing, (options: GridOptions, count: number) => number[]>> = {
  leading: ({ timesteps, offset }, count) => {
    const ratio = Math.floor(timesteps / count);
    return Array.from({ length: count }, (_, i) => (count - 1 - i) * ratio + offset);
  },
  linspace: ({ timesteps }, count) => {
    const last = timesteps - 1;
    if (count === 1) return [0];
    const step = last / (count - 1);
    return Array.from({ length: count }, (_, i) => (i === 0 ? last : roundHalfToEven((count - 1 - i) * step)));
  },
  trailing: ({ timesteps }, count) => {
    // numpy.arange adds multiples of the difference of its first two numbers.
    const step = timesteps - timesteps / count - timesteps;
    return Array.from({ length: count }, (_, i) => roundHalfToEven(timesteps + i * step) - 1);
  },
};

/** The same. Throws `ArgumentError`, which names the `component`, for a number of steps that is not possible. */
export function stepGrid(options: GridOptions, count: number, component: string): TimestepPair[] {
  const { timesteps } = options;
  const isCount = Number.isInteger(count) && count >= 1 && count <= timesteps;
  const grid = isCount ? ddpmGrid(options, count) : [];
  const [first] = grid;
  if (first && first.timestep < timesteps) return grid;
  const message = `steps must be 1 to ${mostSteps(options)} for ${component}, not ${count}.`;
  throw new ArgumentError("steps", message, { code: "argument/out-of-range" }).locate({ component });
}

/** The most steps whose timesteps are all in the schedule: an offset moves those of the last ones behind it. */
function mostSteps(options: GridOptions): number {
  const { timesteps } = options;
  let most = timesteps;
  while (most > 1 && ddpmGrid(options, most)[0]!.timestep >= timesteps) most--;
  return most;
}
