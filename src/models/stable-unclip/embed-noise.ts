import type { NoiseSchedule } from "../../diffusion/schedule.js";
import { combine } from "../../ops/elementwise.js";
import { concatChannels } from "../../ops/layout.js";
import type { Arena } from "../../tensor/arena.js";
import type { HostTensor } from "../../tensor/host-tensor.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";
import { timeFeatures } from "../diffusers/time-embedding.js";

export interface EmbedNoiseOptions {
  readonly imageEmbedDim: number;
  /** Its timesteps are the levels of noise. */
  readonly schedule: NoiseSchedule;
}

/**
 * Adds noise to image embeddings, so that the decoder follows them less closely. An embedding is normalised by the mean and the standard
 * deviation of those of the training, and brought back to its scale behind it.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/stable_diffusion/pipeline_stable_unclip_img2img.py#L558-L604
 */
export class EmbedNoise {
  readonly #mean: HostTensor;
  readonly #std: HostTensor;

  /** Declares mean and standard deviation, which stay on the host. */
  constructor(
    weights: Weights,
    readonly options: EmbedNoiseOptions,
  ) {
    const shape = [1, options.imageEmbedDim];
    this.#mean = weights.values("mean", shape);
    this.#std = weights.values("std", shape);
  }

  /**
   * What the U-Net reads of image embeddings f32 `[B, D]`, with `noise` of as many numbers, row by row: f32 `[B, 2D]`. Level 0 adds a little
   * noise, too.
   */
  classLabels(arena: Arena, imageEmbed: Tensor, noise: Float32Array, level: number): Tensor {
    const [batch = 0, dim = 0] = imageEmbed.shape;
    const scale = this.options.schedule.qSample(level);
    const [mean, std] = [this.#mean.data, this.#std.data];
    // √ᾱ · (embedding - mean) / std + √(1 - ᾱ) · noise, times std, plus mean.
    const rest = noise.map((value, i) => (1 - scale.x0) * mean[i % dim]! + scale.noise * std[i % dim]! * value);
    // The features of a level are those of a timestep.
    const features = timeFeatures(new Array<number>(batch).fill(level), dim);
    return arena.scope(() => {
      const noisy = combine(arena.share(imageEmbed), scale.x0, arena.from(rest, [batch, dim], "f32"), 1);
      return concatChannels([noisy, arena.from(features, [batch, dim], "f32")]);
    });
  }
}
