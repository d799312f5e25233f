import { affine, combine } from "../ops/elementwise.js";
import { resizeNearest } from "../ops/resize.js";
import { maskedBlend } from "../ops/sampler.js";
import type { Tensor } from "../tensor/tensor.js";
import type { NoiseSchedule } from "./schedule.js";

/** What is kept of a picture: `image` f32 `[B, H, W, C]`, and `mask` f32 `[B, H, W, 1]`, not zero where it is kept. */
export interface Known {
  readonly image: Tensor;
  readonly mask: Tensor;
}

/**
 * What is known in the space and at the size of a sampler: images in [-1, 1] where `normalize`, resized as the reference
 * does, by nearest neighbours. Encodes GPU work.
 */
export function prepareKnown({ image, mask }: Known, size: number, normalize: boolean): Known {
  const sides: [number, number] = [size, size];
  return {
    image: resizeNearest(normalize ? affine(image, 2, -1) : image, sides),
    mask: resizeNearest(mask, sides),
  };
}

/**
 * RePaint (Lugmayr et al. 2022): the known part, noised to the time of each step, replaces that part of the state, and
 * each step is taken `resampleTimes` times so that the free part grows to match it.
 */
export class Inpainting {
  constructor(
    private readonly known: Known,
    private readonly schedule: NoiseSchedule,
    readonly resampleTimes: number,
  ) {}

  /** The state with its known part set to the known image at `time`. */
  impose(x: Tensor, time: number, noise: Tensor): Tensor {
    const { image, mask } = this.known;
    const scale = this.schedule.qSample(time);
    return maskedBlend(x, combine(image, scale.x0, noise, scale.noise), mask);
  }

  /** A state at time `from` noised to the later time `to` (`q_sample_from_to` of the reference). */
  renoise(x: Tensor, from: number, to: number, noise: Tensor): Tensor {
    const scale = this.schedule.qSampleFromTo(from, to);
    return combine(x, scale.x, noise, scale.noise);
  }

  /** The finished sample with its known part put back as it was. */
  compose(x: Tensor): Tensor {
    return maskedBlend(x, this.known.image, this.known.mask);
  }
}
