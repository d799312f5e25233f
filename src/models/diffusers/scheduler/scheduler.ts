import type { Process, Sampler } from "../../../diffusion/sampler.js";
import type { SamplerName } from "../../../diffusion/samplers.js";
import { SamplingError } from "../../../diffusion/sampling-error.js";
import type { Tensor } from "../../../tensor/tensor.js";

/** How a network samples: what a pipeline uses of any scheduler of diffusers. */
export interface Scheduler {
  readonly process: Process;
  /** The predicted x0 is clamped to ± this value; undefined: it is not. */
  readonly x0Limit: number | undefined;
  /** Applied to the predicted x0 after clamping. Default: nothing. */
  readonly limitX0?: ((x0: Tensor) => Tensor) | undefined;

  /**
   * The sampler of a run with `count` steps. Default: the reference's, over its own timesteps. `component` is the network's name
   * in messages. Throws `SamplingError` for a sampler that the scheduler does not define, and `ArgumentError` for an invalid
   * number of steps.
   */
  sampler(name: SamplerName | undefined, count: number, component: string): Sampler;
}

/** The error of a scheduler without DDIM. */
export function refuseDdim(component: string): SamplingError {
  return new SamplingError(`The sampler of ${component} cannot be "ddim", which its scheduler does not define.`, {
    advice: 'Use "ddpm" or "dpmpp2m".',
  }).locate({ component });
}
