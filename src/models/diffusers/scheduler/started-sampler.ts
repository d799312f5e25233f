import { lastSteps, type Sampler } from "../../../diffusion/sampler.js";
import { ArgumentError, fraction } from "../../../platform/arguments.js";

/**
 * The last part of a sampler, for a run that starts from an image or an embedding: the share `strength` of its steps, rounded down
 * with the errors of the reference's product (0.29 of 100 steps are 28). `component` is the network's name in messages. Throws
 * `ArgumentError` for a strength that leaves no step.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/kandinsky2_2/pipeline_kandinsky2_2_img2img.py#L120-L127
 */
export function startedSampler(sampler: Sampler, strength: number, component: string): Sampler {
  if (strength === 1) return sampler;
  const left = Math.floor(sampler.steps.length * fraction("strength", strength));
  if (left > 0) return lastSteps(sampler, left);
  const message = `A strength of ${strength} leaves none of the ${sampler.steps.length} steps of ${component}.`;
  throw new ArgumentError("strength", message, { advice: "Give a larger strength, or more steps." });
}
