import { ddim } from "../../../diffusion/ddim.js";
import type { Process, Sampler, TimestepPair } from "../../../diffusion/sampler.js";
import { isSharedSampler, SHARED_SAMPLERS, type SamplerName } from "../../../diffusion/samplers.js";
import type { PndmSchedulerOptions } from "../config/pndm-scheduler-config.js";
import { ddpmSampler, ddpmStepNumbers } from "./ddpm-sampler.js";
import { ddpmBetas, stepGrid } from "./ddpm-schedule.js";
import { DiffusersSchedule } from "./diffusers-schedule.js";
import { pndm } from "./pndm.js";
import type { Scheduler } from "./scheduler.js";

/**
 * `PNDMScheduler` of diffusers: how Stable unCLIP samples.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_pndm.py#L73-L491
 */
export class PndmScheduler implements Scheduler {
  readonly process: Process;
  readonly x0Limit = undefined;
  readonly #schedule: DiffusersSchedule;

  constructor(readonly options: PndmSchedulerOptions) {
    this.#schedule = new DiffusersSchedule(ddpmBetas(options));
    this.process = { schedule: this.#schedule, objective: options.objective };
  }

  /**
   * Default: PNDM, with one evaluation more than `count` if `count` is more than 1. DDPM and DDIM are those of diffusers over the same
   * timesteps, and always end at the clean sample. Throws `ArgumentError` for a number of steps that is not possible.
   */
  sampler(name: SamplerName | undefined, count: number, component: string): Sampler {
    const { timesteps, offset } = this.options;
    const grid = stepGrid({ timesteps, offset, spacing: "leading" }, count, component);
    if (name === undefined) {
      const process = { schedule: this.#schedule, options: this.options, ratio: Math.floor(timesteps / count) };
      return pndm(
        process,
        grid.map(({ timestep }) => timestep),
      );
    }
    if (isSharedSampler(name)) return SHARED_SAMPLERS[name](this.process, grid);
    return name === "ddim" ? this.#ddim(grid) : ddpmSampler(grid, (step) => ddpmStepNumbers(this.#schedule, step));
  }

  /** DDIM without noise. */
  #ddim(grid: readonly TimestepPair[]): Sampler {
    const alphas = this.#schedule.tables.alphasCumprod;
    const options = {
      grid,
      alphas,
      eta: 0,
      epsilon: "rawOrUnclamped",
      epsilonSign: "right",
      lastNoise: "off",
    } as const;
    const sampler = ddim(this.process, options);
    return { ...sampler, steps: sampler.steps.map((step) => ({ ...step, noise: "none" })) };
  }
}
