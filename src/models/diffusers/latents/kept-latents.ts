// What an inpainting run keeps of an image.
import type { Sampler } from "../../../diffusion/sampler.js";
import type { NoiseSchedule } from "../../../diffusion/schedule.js";
import { affine, scaleBy } from "../../../ops/elementwise.js";
import { resizeNearest } from "../../../ops/resize.js";
import { maskedBlend, stepCombine } from "../../../ops/sampler.js";
import { bytesPerElement } from "../../../tensor/dtype.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Size } from "./latents.js";

/** Latents, f32 `[B, h, w, 4]`, and which of them to keep: f32 `[B, h, w, 1]`, 1 or 0. */
export interface KeptLatents {
  readonly latents: Tensor;
  readonly mask: Tensor;
}

/**
 * The mask of latents of this size for a mask f32 `[B, H, W, 1]` of pixels, which is not zero where the image is kept: the nearest
 * pixel.
 */
export function nearestMask(mask: Tensor, size: Size): Tensor {
  return mask.arena.scope(() => resizeNearest(binary(mask), size));
}

/** 1 where a value is not zero, else 0. */
function binary(mask: Tensor): Tensor {
  const [none, all] = [scaleBy(mask, 0), affine(mask, 0, 1)];
  return maskedBlend(none, all, mask);
}

/** The start and the sampler of an inpainting run. */
export interface InpaintingRun {
  /** Keeps the first noise, which is the first state. */
  readonly start: (noise: Tensor) => Tensor;
  readonly sampler: Sampler;
}

/**
 * After each step, the kept latents take their place again, noised by the first noise to the next timestep; after the last step,
 * as they are. `firstNoise` has the shape of the latents.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/kandinsky2_2/pipeline_kandinsky2_2_inpainting.py#L506-L536
 */
export function inpaintingRun(
  sampler: Sampler,
  { latents, mask }: KeptLatents,
  { schedule, firstNoise }: { readonly schedule: NoiseSchedule; readonly firstNoise: Tensor },
): InpaintingRun {
  return {
    start: (noise) => {
      const byteLength = noise.rows * noise.stride * bytesPerElement("f32");
      const range = ({ storage }: Tensor) => ({ storage, offset: 0, byteLength });
      noise.arena.stream.copy(range(noise), range(firstNoise));
      return noise;
    },
    sampler: {
      ...sampler,
      canGoBack: false,
      init: (inputs, stepOfPass) => {
        const encode = sampler.init(inputs, stepOfPass);
        const imposed = inputs.numbers(
          stepOfPass.map((step) => {
            const { next } = sampler.steps[step]!;
            if (next < 0) return [1, 0];
            const scale = schedule.qSample(next);
            return [scale.x0, scale.noise];
          }),
        );
        return (state, prediction) => {
          const after = encode(state, prediction);
          return { ...after, x: maskedBlend(after.x, stepCombine(latents, firstNoise, imposed), mask) };
        };
      },
    },
  };
}
