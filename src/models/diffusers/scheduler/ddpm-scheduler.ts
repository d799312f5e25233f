import type { Process, Sampler, TimestepPair } from "../../../diffusion/sampler.js";
import { isSharedSampler, SHARED_SAMPLERS, type SamplerName } from "../../../diffusion/samplers.js";
import { ddpmNumbers, ddpmStep, dynamicThreshold, type DdpmNumbers } from "../../../ops/sampler.js";
import { quantile } from "../../../ops/reduce.js";
import { ArgumentError } from "../../../platform/arguments.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { DdpmSchedulerOptions } from "../config/ddpm-scheduler-config.js";
import { ddpmBetas, ddpmGrid } from "./ddpm-schedule.js";
import { DiffusersSchedule } from "./diffusers-schedule.js";
import { refuseDdim, type Scheduler } from "./scheduler.js";

/** Smallest variance. */
const MIN_VARIANCE = 1e-20;

/**
 * `DDPMScheduler` of diffusers: how the decoder of Kandinsky 2.2 samples.
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
    const { timesteps } = this.options;
    const isCount = Number.isInteger(count) && count >= 1 && count <= timesteps;
    const grid = isCount ? ddpmGrid(this.options, count) : [];
    const [first] = grid;
    if (!first || first.timestep >= timesteps) {
      const most = this.#mostSteps();
      const message = `steps must be 1 to ${most} for ${component}, not ${count}.`;
      throw new ArgumentError("steps", message, { code: "argument/out-of-range" }).locate({ component });
    }
    return isSharedSampler(name) ? SHARED_SAMPLERS[name](this.process, grid) : this.#ddpm(grid);
  }

  /** The most steps whose timesteps are all in the schedule: an offset moves those of the last ones behind it. */
  #mostSteps(): number {
    const { timesteps } = this.options;
    let most = timesteps;
    while (most > 1 && ddpmGrid(this.options, most)[0]!.timestep >= timesteps) most--;
    return most;
  }

  #ddpm(grid: readonly TimestepPair[]): Sampler {
    const { learnedVariance } = this.options;
    return {
      // A step from timestep 0 has no draw. The last step may come from timestep 1.
      steps: grid.map((step) => ({ ...step, noise: step.timestep > 0 ? "added" : "none" })),
      canGoBack: true,
      init: (inputs, stepOfPass) => {
        const numbers = ddpmNumbers(
          inputs,
          stepOfPass.map((step) => stepNumbers(this.#schedule, grid[step]!)),
        );
        return ({ x }, { raw, x0, noise }) => {
          const learned = learnedVariance ? { prediction: raw, sigmoid: false } : undefined;
          return { x: ddpmStep({ x, x0, noise }, numbers, learned) };
        };
      },
    };
  }
}

/**
 * The numbers of a step. Each operation is rounded to f32, as in torch. Its beta is never that of the table.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_ddpm.py#L333-L365
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_ddpm.py#L440-L509
 */
function stepNumbers(schedule: DiffusersSchedule, { timestep, next }: TimestepPair): DdpmNumbers {
  const f = Math.fround;
  const [bar, barNext] = [schedule.barAt(timestep), schedule.barAt(next)];
  const [rest, restNext] = [f(1 - bar), f(1 - barNext)];
  const alpha = f(bar / barNext);
  const beta = f(1 - alpha);
  const variance = f(f(restNext / rest) * beta);
  return {
    scaleX0: f(f(f(Math.sqrt(barNext)) * beta) / rest),
    scaleX: f(f(f(Math.sqrt(alpha)) * restNext) / rest),
    minLog: Math.log(Math.max(variance, MIN_VARIANCE)),
    maxLog: Math.log(beta),
  };
}
