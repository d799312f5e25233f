import { denoise, type Denoiser, type OnStep, type Preview } from "../../../diffusion/denoise.js";
import { isGuided } from "../../../diffusion/guidance.js";
import { startFromImage } from "../../../diffusion/init-image.js";
import { StateNoise, type NoiseSource } from "../../../diffusion/noise.js";
import { lastSteps, stepsOfStrength, type Sampler } from "../../../diffusion/sampler.js";
import type { NetworkSettings } from "../../../diffusion/settings.js";
import { ArgumentError, fraction } from "../../../platform/arguments.js";
import type { Arena } from "../../../tensor/arena.js";
import type { ComputeType } from "../../../tensor/dtype.js";
import { HeldTensors } from "../../../tensor/held-tensors.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { Scheduler } from "../../diffusers/scheduler/scheduler.js";
import { LATENT_CHANNELS, type KandinskyUnetOptions } from "../config/unet-config.js";
import { KandinskyUnet } from "../unet/kandinsky-unet.js";
import { besideLatents, inpaintingRun, type KeptLatents } from "./kept-latents.js";
import type { Size } from "./sizes.js";

/** Name of the component. */
export const UNET_NAME = "U-Net 1";

export interface LatentSamplerOptions {
  readonly unet: KandinskyUnetOptions;
  readonly scheduler: Scheduler;
}

/** The settings and inputs of a run in the space of latents. Tensors are f32. */
export interface LatentSampling extends NetworkSettings {
  /** Of the latents. */
  readonly size: Size;
  /** `[B, D]`. */
  readonly imageEmbed: Tensor;
  /** `[B, D]`: what the run is guided away from. Needed if it is guided. */
  readonly negativeEmbed?: Tensor | undefined;
  /** Latents of an image to start from, and the share of the steps that is run then. */
  readonly start?: { readonly latents: Tensor; readonly strength: number } | undefined;
  /** For inpainting. */
  readonly kept?: KeptLatents | undefined;
  /** The kept latents that take their place again after each step. Default: `kept`. */
  readonly imposed?: KeptLatents | undefined;
  /** `[B, 8h, 8w, 3]`, for a U-Net that takes hints. */
  readonly hint?: Tensor | undefined;
  readonly noise: NoiseSource;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: OnStep | undefined;
  /** Called with predicted x0: latents. */
  readonly preview?: Preview | undefined;
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

  /**
   * The sampler of a run. Throws `SamplingError` for one that the scheduler does not define, and `ArgumentError` for an invalid number
   * of steps, or a strength that leaves none.
   */
  sampler({ sampler: name, steps }: NetworkSettings, strength = 1): Sampler {
    const sampler = this.options.scheduler.sampler(name, steps, UNET_NAME);
    if (strength === 1) return sampler;
    const left = stepsOfStrength(sampler.steps.length, fraction("strength", strength));
    if (left > 0) return lastSteps(sampler, left);
    const message = `A strength of ${strength} leaves none of the ${sampler.steps.length} steps of ${UNET_NAME}.`;
    throw new ArgumentError("strength", message, { advice: "Give a larger strength, or more steps." });
  }

  /** Samples latents, f32 `[B, h, w, 4]`. The caller disposes them. */
  async sample(callArena: Arena, sampling: LatentSampling): Promise<Tensor> {
    const arena = callArena.withType(this.#dtype);
    using held = new HeldTensors(arena);
    const [batch = 0] = sampling.imageEmbed.shape;
    const noise = new StateNoise(arena, sampling.noise, [batch, ...sampling.size, LATENT_CHANNELS]);
    const { sampler, start } = this.#run(arena, held, sampling, noise.shape);
    const { scheduler } = this.options;
    const denoiser: Denoiser = {
      arena,
      name: UNET_NAME,
      process: scheduler.process,
      sampler,
      selfCond: false,
      x0Limit: scheduler.x0Limit,
      limitX0: scheduler.limitX0,
      prepare: this.#preparation(arena, held, sampling),
    };
    const { signal, onStep, preview } = sampling;
    return await denoise(denoiser, { noise, start, signal, onStep, preview });
  }

  /** How the run starts and steps. */
  #run(arena: Arena, held: HeldTensors, sampling: LatentSampling, shape: readonly number[]) {
    const { start, kept, imposed = kept } = sampling;
    const { schedule } = this.options.scheduler.process;
    const sampler = this.sampler(sampling, start?.strength);
    if (imposed) {
      const firstNoise = held.hold(() => arena.empty(shape, "f32"));
      return inpaintingRun(sampler, imposed, { schedule, firstNoise });
    }
    return { sampler, start: start && startFromImage(start.latents, schedule, sampler.steps[0]!.timestep) };
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
