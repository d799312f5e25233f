import type { Denoiser } from "../../../diffusion/denoise.js";
import { isGuided } from "../../../diffusion/guidance.js";
import type { Arena } from "../../../tensor/arena.js";
import type { ComputeType } from "../../../tensor/dtype.js";
import { HeldTensors } from "../../../tensor/held-tensors.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { KeptLatents } from "../../diffusers/latents/kept-latents.js";
import { denoiseLatents, type LatentRun } from "../../diffusers/latents/latent-run.js";
import type { Scheduler } from "../../diffusers/scheduler/scheduler.js";
import type { KandinskyUnetOptions } from "../config/unet-config.js";
import { KandinskyUnet } from "../unet/kandinsky-unet.js";
import { besideLatents } from "./kept-latents.js";

export interface LatentSamplerOptions {
  readonly unet: KandinskyUnetOptions;
  readonly scheduler: Scheduler;
}

/** The settings and inputs of a run in the space of latents. Tensors are f32. */
export interface LatentSampling extends LatentRun {
  /** `[B, D]`. */
  readonly imageEmbed: Tensor;
  /** `[B, D]`: what the run is guided away from. Needed if it is guided. */
  readonly negativeEmbed?: Tensor | undefined;
  /** For inpainting: they also take their place again, unless `imposed` says otherwise. */
  readonly kept?: KeptLatents | undefined;
  /** `[B, 8h, 8w, 3]`, for a U-Net that takes hints. */
  readonly hint?: Tensor | undefined;
}

/**
 * The U-Net of Kandinsky's decoder with its scheduler: samples latents for image embeddings.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/kandinsky2_2/pipeline_kandinsky2_2.py#L228-L303
 */
export class LatentSampler {
  readonly #unet: KandinskyUnet;
  readonly #dtype: ComputeType;

  /** Declares the weights of the U-Net. */
  constructor(
    weights: Weights,
    private readonly options: LatentSamplerOptions,
  ) {
    this.#unet = new KandinskyUnet(weights, options.unet);
    this.#dtype = weights.arena.dtype;
  }

  /** Samples latents, f32 `[B, h, w, 4]`. The caller disposes them. */
  async sample(callArena: Arena, sampling: LatentSampling): Promise<Tensor> {
    const arena = callArena.withType(this.#dtype);
    using held = new HeldTensors(arena);
    const { imageEmbed, kept, imposed = kept } = sampling;
    const [batch = 0] = imageEmbed.shape;
    const prepare = this.#preparation(arena, held, sampling);
    return await denoiseLatents(arena, this.options.scheduler, { ...sampling, imposed }, { batch, prepare });
  }

  /** How the U-Net reads the inputs of a run. `held` owns what its passes read. */
  #preparation(arena: Arena, held: HeldTensors, sampling: LatentSampling): Denoiser["prepare"] {
    const { imageEmbed, negativeEmbed, kept, hint, condScale } = sampling;
    const unet = this.#unet;
    const { condition, negative, beside } = held.hold(() => ({
      condition: unet.condition(arena, imageEmbed),
      negative: isGuided(sampling) && negativeEmbed ? unet.condition(arena, negativeEmbed) : undefined,
      beside: hint ? unet.hintFeatures(arena, hint) : kept && besideLatents(kept),
    }));
    const [batch = 0] = imageEmbed.shape;
    return (inputs, times) => {
      const prepared = unet.prepare(inputs, { batch, times, condition, negative }, condScale);
      return (x) => unet.forward(x, prepared, beside);
    };
  }
}
