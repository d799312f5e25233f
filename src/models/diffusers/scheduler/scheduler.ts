import type { Process, Sampler } from "../../../diffusion/sampler.js";
import type { SamplerName } from "../../../diffusion/samplers.js";

/** How a network samples: what a pipeline uses of any scheduler of diffusers. */
export interface Scheduler {
  readonly process: Process;
  /** The predicted x0 is clamped to ± this value; undefined: it is not. */
  readonly x0Limit: number | undefined;

  /**
   * The sampler of a run with `count` steps. Default: the reference's, over its own timesteps. `component` is the network's name
   * in messages. Throws `SamplingError` for a sampler that the scheduler does not define, and `ArgumentError` for an invalid
   * number of steps.
   */
  sampler(name: SamplerName | undefined, count: number, component: string): Sampler;
}
