import type { Process, Sampler } from "../../../diffusion/sampler.js";
import { isSharedSampler, SHARED_SAMPLERS, type SamplerName } from "../../../diffusion/samplers.js";
import { dynamicThreshold } from "../../../ops/sampler.js";
import { quantile } from "../../../ops/reduce.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { DdpmSchedulerOptions } from "../config/ddpm-scheduler-config.js";
import { ddpmSampler, ddpmStepNumbers } from "./ddpm-sampler.js";
import { ddpmBetas, stepGrid } from "./ddpm-schedule.js";
import { DiffusersSchedule } from "./diffusers-schedule.js";
import { refuseDdim, type Scheduler } from "./scheduler.js";

/**
 * `DDPMScheduler` of diffusers: how the decoder of Kandinsky 2.2 samples, and the prior of Stable unCLIP.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_ddpm.py#L90-L564
 */
export class DdpmScheduler implements Scheduler {
  readonly process: Process;
  readonly #schedule: DiffusersSchedule;

  constructor(readonly options: DdpmSchedulerOptions) {
    this.#schedule = new DiffusersSchedule(ddpmBetas(options));
    this.process = { schedule: this.#schedule, objective: options.objective };
  }

  get x0Limit(): number | undefined {
    return this.options.x0Limit;
  }

  /**
   * Dynamic thresholding, if the predicted x0 is not clamped.
   * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_ddpm.py#L367-L401
   */
  get limitX0(): ((x0: Tensor) => Tensor) | undefined {
    const { thresholding } = this.options;
    if (!thresholding) return undefined;
    const { ratio, max } = thresholding;
    return (x0) => x0.arena.scope(() => dynamicThreshold(x0, quantile(x0, ratio), { max }));
  }

  /** Default: DDPM. Throws `SamplingError` for DDIM, which the reference does not have. */
  sampler(name: SamplerName = "ddpm", count: number, component: string): Sampler {
    if (name === "ddim") throw refuseDdim(component);
    const grid = stepGrid(this.options, count, component);
    if (isSharedSampler(name)) return SHARED_SAMPLERS[name](this.process, grid);
    return ddpmSampler(grid, (step) => ddpmStepNumbers(this.#schedule, step), this.options.learnedVariance);
  }
}
