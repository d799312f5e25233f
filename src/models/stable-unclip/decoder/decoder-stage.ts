import { guidanceScale, isGuided } from "../../../diffusion/guidance.js";
import { withDefaults, type AskedSettings, type NetworkSettings } from "../../../diffusion/settings.js";
import type { NoiseSource } from "../../../diffusion/noise.js";
import type { NoiseSchedule } from "../../../diffusion/schedule.js";
import { scaleBy } from "../../../ops/elementwise.js";
import type { Arena } from "../../../tensor/arena.js";
import type { ComputeType } from "../../../tensor/dtype.js";
import { HeldTensors } from "../../../tensor/held-tensors.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { transformerUnetCost } from "../../diffusers/cost.js";
import { ImageCodec } from "../../diffusers/latents/image-codec.js";
import { denoiseLatents, latentSampler, type LatentRun } from "../../diffusers/latents/latent-run.js";
import { UNET_NAME } from "../../diffusers/latents/latents.js";
import type { Scheduler } from "../../diffusers/scheduler/scheduler.js";
import type { CascadeStage, StageRun } from "../../interfaces.js";
import type { StageInfo } from "../../stage-info.js";
import { AutoencoderKl } from "../autoencoder/autoencoder-kl.js";
import type { AutoencoderKlOptions } from "../config/autoencoder-config.js";
import type { StableUnclipUnetOptions } from "../config/unet-config.js";
import { DECODER_DEFAULTS } from "../defaults.js";
import { EmbedNoise } from "../embed-noise.js";
import { StableUnclipUnet } from "../unet/stable-unclip-unet.js";

/** Name of the component. */
export const VAE_NAME = "VAE";

/** Side of square latents if the U-Net's config says none. */
export const DEFAULT_LATENT_SIDE = 96;

export interface DecoderStageOptions {
  readonly unet: StableUnclipUnetOptions;
  readonly vae: AutoencoderKlOptions;
  readonly scheduler: Scheduler;
  /** Of the noise on image embeddings: its timesteps are the levels. */
  readonly noising: NoiseSchedule;
  /** Most tokens of a text. */
  readonly contextLength: number;
}

/** The settings and inputs of a run in the space of latents. Tensors are f32. */
export interface LatentSampling extends LatentRun {
  /** What the U-Net reads of the image embeddings: see `DecoderStage.classLabels`. */
  readonly classLabels: Tensor;
  /** `[B, L, W]`: encodings of the texts. */
  readonly context: Tensor;
  /** The same of the texts to guide away from. Needed if the run is guided. */
  readonly negativeContext?: Tensor | undefined;
}

/**
 * The decoder of Stable unCLIP: a U-Net that samples latents for an image embedding and a text, and an autoencoder, which turns images
 * into latents and back.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/stable_diffusion/pipeline_stable_unclip_img2img.py#L622-L847
 */
export class DecoderStage implements CascadeStage {
  readonly codec: ImageCodec;
  readonly #unet: StableUnclipUnet;
  readonly #noise: EmbedNoise;
  readonly #dtype: ComputeType;

  /** Declares the weights of all. */
  constructor(
    weights: { readonly unet: Weights; readonly normalizer: Weights; readonly vae: Weights },
    readonly options: DecoderStageOptions,
  ) {
    this.#unet = new StableUnclipUnet(weights.unet, options.unet);
    const { imageEmbedDim } = options.unet;
    this.#noise = new EmbedNoise(weights.normalizer, { imageEmbedDim, schedule: options.noising });
    this.#dtype = weights.unet.arena.dtype;
    this.codec = new ImageCodec(VAE_NAME, new AutoencoderKl(weights.vae, options.vae), weights.vae.arena.dtype);
  }

  get info(): StageInfo {
    const { unet, noising, contextLength } = this.options;
    return {
      name: UNET_NAME,
      imageSize: this.#latentSide * this.latentScale,
      sizeUnit: this.latentScale,
      noiseLevels: noising.timesteps,
      takesText: true,
      takesImageEmbed: true,
      textShape: [contextLength, unet.contextDim],
      imageEmbedDim: unet.imageEmbedDim,
      isTrained: true,
      components: [UNET_NAME, VAE_NAME],
    };
  }

  /** Side of square latents if a call does not say it. */
  get #latentSide(): number {
    return this.options.unet.sampleSize ?? DEFAULT_LATENT_SIDE;
  }

  /** How many times smaller than images latents are. */
  get latentScale(): number {
    return this.codec.scale;
  }

  settings(asked: AskedSettings = {}): NetworkSettings {
    return withDefaults(asked, DECODER_DEFAULTS);
  }

  /** Throws `ArgumentError` for an invalid number of steps, and `SamplingError` for a sampler that the scheduler does not define. */
  check(settings: NetworkSettings): void {
    latentSampler(this.options.scheduler, settings);
    guidanceScale(settings, { name: UNET_NAME, canGuide: true });
  }

  evaluations(asked: AskedSettings = {}, { strength }: StageRun = {}): number {
    return latentSampler(this.options.scheduler, this.settings(asked), strength).steps.length;
  }

  cost(asked: AskedSettings = {}): number {
    const { unet, contextLength } = this.options;
    return transformerUnetCost(unet, this.#latentSide, contextLength) * (isGuided(this.settings(asked)) ? 2 : 1);
  }

  /**
   * Image embeddings f32 `[B, D]` with noise of a level, and that level: f32 `[B, 2D]`. Draws the noise, also for level 0. The caller
   * disposes them.
   */
  classLabels(arena: Arena, imageEmbed: Tensor, noise: NoiseSource, level: number): Tensor {
    const { shape } = imageEmbed;
    if (arena.stream.isDryRun) return arena.empty([shape[0]!, 2 * shape[1]!], "f32");
    return this.#noise.classLabels(arena, imageEmbed, noise.randnOfInputs?.(shape) ?? noise.randn(shape), level);
  }

  /** The same for the null half of guidance, which has no image embedding and no level: zeros. The caller disposes them. */
  nullClassLabels(arena: Arena, classLabels: Tensor): Tensor {
    return arena.scope(() => scaleBy(arena.share(classLabels), 0));
  }

  /** Samples latents, f32 `[B, h, w, 4]`, with the U-Net. The caller disposes them. */
  async sampleLatents(callArena: Arena, sampling: LatentSampling): Promise<Tensor> {
    const arena = callArena.withType(this.#dtype);
    using held = new HeldTensors(arena);
    const { classLabels, context, negativeContext, condScale } = sampling;
    const unet = this.#unet;
    const { condition, negative } = held.hold(() => ({
      condition: unet.condition(arena, { context, classLabels }),
      negative:
        isGuided(sampling) && negativeContext
          ? unet.condition(arena, { context: negativeContext, classLabels: this.nullClassLabels(arena, classLabels) })
          : undefined,
    }));
    const [batch = 0] = classLabels.shape;
    return await denoiseLatents(arena, this.options.scheduler, sampling, {
      batch,
      prepare: (inputs, times) => {
        const prepared = unet.prepare(inputs, { batch, times, condition, negative }, condScale);
        return (x) => unet.forward(x, prepared);
      },
    });
  }
}
