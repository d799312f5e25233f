import type { Process, Sampler, TimestepPair } from "../../../diffusion/sampler.js";
import { isSharedSampler, SHARED_SAMPLERS, type SamplerName } from "../../../diffusion/samplers.js";
import type { DdpmNumbers } from "../../../ops/sampler.js";
import { ArgumentError } from "../../../platform/arguments.js";
import type { UnclipSchedulerOptions } from "../config/unclip-scheduler-config.js";
import { ddpmSampler, posteriorNumbers } from "./ddpm-sampler.js";
import { refuseDdim, type Scheduler } from "./scheduler.js";
import { unclipGrid, UnclipSchedule } from "./unclip-schedule.js";

/**
 * `UnCLIPScheduler` of diffusers: how the networks of Karlo sample, and the prior of Kandinsky 2.2.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_unclip.py#L100-L336
 */
export class UnclipScheduler implements Scheduler {
  readonly process: Process;
  readonly #schedule: UnclipSchedule;

  constructor(readonly options: UnclipSchedulerOptions) {
    this.#schedule = new UnclipSchedule(options.timesteps);
    this.process = { schedule: this.#schedule, objective: options.objective };
  }

  get x0Limit(): number | undefined {
    return this.options.x0Limit;
  }

  /** Default: DDPM. Throws `SamplingError` for DDIM, which the reference does not have. */
  sampler(name: SamplerName = "ddpm", count: number, component: string): Sampler {
    const { timesteps } = this.options;
    if (name === "ddim") throw refuseDdim(component);
    // The reference divides by the number of steps less one.
    const fewest = name === "ddpm" ? 2 : 1;
    if (!Number.isInteger(count) || count < fewest || count > timesteps) {
      const message = `steps must be ${fewest} to ${timesteps} for ${component} with "${name}", not ${count}.`;
      throw new ArgumentError("steps", message, { code: "argument/out-of-range" }).locate({ component });
    }
    const grid = unclipGrid(timesteps, count);
    if (isSharedSampler(name)) return SHARED_SAMPLERS[name](this.process, grid);
    return ddpmSampler(grid, (step) => stepNumbers(this.#schedule, step), this.options.learnedVariance);
  }
}

/**
 * The numbers of a step. Its beta is that of the table if the step leads to the timestep before.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_unclip.py#L188-L222
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_unclip.py#L263-L305
 */
export function stepNumbers(schedule: UnclipSchedule, step: TimestepPair): DdpmNumbers {
  const f = Math.fround;
  const { timestep, next } = step;
  const beta =
    next === timestep - 1
      ? schedule.tables.betas[timestep]!
      : f(1 - f(schedule.barAt(timestep) / schedule.barAt(next)));
  return posteriorNumbers(schedule, step, { alpha: f(1 - beta), beta });
}
