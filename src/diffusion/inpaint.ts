import { affine } from "../ops/elementwise.js";
import { resizeNearest } from "../ops/resize.js";
import { maskedBlend, stepCombine } from "../ops/sampler.js";
import type { StepInputs } from "../ops/step-inputs.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Pass } from "./passes.js";
import type { NoiseSchedule } from "./schedule.js";

/**
 * The kept part of an image: `image` f32 `[B, H, W, C]`, and `mask` f32 `[B, H, W, 1]`, which is not zero where the
 * image is kept.
 */
export interface Known {
  readonly image: Tensor;
  readonly mask: Tensor;
}

/**
 * Prepares the kept part for a sampler. `normalize` maps images from [0, 1] to [-1, 1]. Image and mask are resized by
 * nearest neighbour, as in the reference. Encodes GPU work.
 */
export function prepareKnown({ image, mask }: Known, size: number, normalize: boolean): Known {
  const sides: [number, number] = [size, size];
  return {
    image: resizeNearest(normalize ? affine(image, 2, -1) : image, sides),
    mask: resizeNearest(mask, sides),
  };
}

/** The operations of inpainting in a pass. */
export interface InpaintingPass {
  /** Returns the state with its known part replaced by the known image, noised to the timestep of the pass. */
  impose(x: Tensor, noise: Tensor): Tensor;
  /** Returns the next state noised back to the timestep of the pass (`q_sample_from_to` of the reference). */
  renoise(x: Tensor, noise: Tensor): Tensor;
}

/**
 * RePaint (Lugmayr et al. 2022). Before each step, the known part of the state is replaced by the known image, noised
 * to the timestep. Each step is done `resampleTimes` times, so that the rest of the image fits the known part.
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
        const scale = this.schedule.qSample(step.timestep);
        return [scale.x0, scale.noise];
      }),
    );
    const renoised = inputs.numbers(
      passes.map(({ step, repeats }) => {
        // Only passes that repeat read these numbers; the last step never repeats.
        const scale = repeats ? this.schedule.qSampleFromTo(step.next, step.timestep) : { x: 1, noise: 0 };
        return [scale.x, scale.noise];
      }),
    );
    return {
      impose: (x, noise) => maskedBlend(x, stepCombine(image, noise, imposed), mask),
      renoise: (x, noise) => stepCombine(x, noise, renoised),
    };
  }

  /** Returns the finished sample with its known part replaced by the original image. */
  compose(x: Tensor): Tensor {
    return maskedBlend(x, this.known.image, this.known.mask);
  }
}
