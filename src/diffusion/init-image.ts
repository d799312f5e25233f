import { combine } from "../ops/elementwise.js";
import type { Tensor } from "../tensor/tensor.js";
import type { NoiseSchedule } from "./schedule.js";

/**
 * What makes the first state of a run that starts from an image (SDEdit, Meng et al. 2021): √ᾱ · image + √(1 − ᾱ) · noise at
 * `time`, that of the first step.
 */
export function startFromImage(image: Tensor, schedule: NoiseSchedule, time: number): (noise: Tensor) => Tensor {
  const scale = schedule.qSample(time);
  return (noise) => combine(image, scale.x0, noise, scale.noise);
}
