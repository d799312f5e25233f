import { affine } from "../ops/elementwise.js";
import { resizeNearest } from "../ops/resize.js";
import { maskedBlend, stepCombine } from "../ops/sampler.js";
import type { StepInputs } from "../ops/step-inputs.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Pass } from "./passes.js";
import type { NoiseSchedule } from "./schedule.js";

/** What is kept of an image: `image` f32 `[B, H, W, C]`, and `mask` f32 `[B, H, W, 1]`, not zero where it is kept. */
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

/** What inpainting does in a pass. */
export interface InpaintingPass {
  /** The state with its known part set to the known image at the time of the pass. */
  impose(x: Tensor, noise: Tensor): Tensor;
  /** The next state noised back to the time of the pass (`q_sample_from_to` of the reference). */
  renoise(x: Tensor, noise: Tensor): Tensor;
}

/**
 * RePaint (Lugmayr et al. 2022): the known part, noised to the time of each step, replaces that part of the state, and
 * each step is taken `resampleTimes` times so that the free part grows to match it.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L636-L645
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2856-L2909
 */
export class Inpainting {
  constructor(
    private readonly known: Known,
    private readonly schedule: NoiseSchedule,
    readonly resampleTimes: number,
  ) {}

  /** Uploads the numbers of a run. */
  init(inputs: StepInputs, passes: readonly Pass[]): InpaintingPass {
    const { image, mask } = this.known;
    const imposed = inputs.numbers(
      passes.map(({ step }) => {
        const scale = this.schedule.qSample(step.time);
        return [scale.x0, scale.noise];
      }),
    );
    const renoised = inputs.numbers(
      passes.map(({ step, repeats }) => {
        // A pass that goes on reads none; behind the last time there is nothing to go back from.
        const scale = repeats ? this.schedule.qSampleFromTo(step.next, step.time) : { x: 1, noise: 0 };
        return [scale.x, scale.noise];
      }),
    );
    return {
      impose: (x, noise) => maskedBlend(x, stepCombine(image, noise, imposed), mask),
      renoise: (x, noise) => stepCombine(x, noise, renoised),
    };
  }

  /** The finished sample with its known part put back as it was. */
  compose(x: Tensor): Tensor {
    return maskedBlend(x, this.known.image, this.known.mask);
  }
}
