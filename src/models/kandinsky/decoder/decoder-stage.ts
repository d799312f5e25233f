import { guidanceScale, isGuided } from "../../../diffusion/guidance.js";
import { SamplingError } from "../../../diffusion/sampling-error.js";
import { withDefaults, type AskedSettings, type NetworkSettings } from "../../../diffusion/settings.js";
import type { Arena } from "../../../tensor/arena.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { addedKeyUnetCost } from "../../diffusers/cost.js";
import { ImageCodec } from "../../diffusers/latents/image-codec.js";
import { latentSampler } from "../../diffusers/latents/latent-run.js";
import { UNET_NAME } from "../../diffusers/latents/latents.js";
import type { CascadeStage, StageRun } from "../../interfaces.js";
import type { StageInfo } from "../../stage-info.js";
import type { MovqOptions } from "../config/movq-config.js";
import { DECODER_DEFAULTS } from "../defaults.js";
import { Movq } from "../movq/movq.js";
import { HINT_SCALE } from "../unet/hint-block.js";
import { IMAGE_TOKENS } from "../unet/image-condition.js";
import { LatentSampler, type LatentSamplerOptions, type LatentSampling } from "./latent-sampler.js";
import { DEFAULT_LATENT_SIDE, sizeUnit } from "./sizes.js";

/** Name of the component. */
export const MOVQ_NAME = "MoVQ";

export interface DecoderStageOptions extends LatentSamplerOptions {
  readonly movq: MovqOptions;
}

/**
 * The decoder of Kandinsky 2.2: a U-Net that samples latents for an image embedding, and MoVQ, which turns images into latents and
 * back.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/kandinsky2_2/pipeline_kandinsky2_2.py#L86-L325
 */
export class DecoderStage implements CascadeStage {
  /** MoVQ. */
  readonly codec: ImageCodec;
  readonly #sampler: LatentSampler;

  /** Declares the weights of both. */
  constructor(
    weights: { readonly unet: Weights; readonly movq: Weights },
    readonly options: DecoderStageOptions,
  ) {
    this.#sampler = new LatentSampler(weights.unet, options);
    this.codec = new ImageCodec(MOVQ_NAME, new Movq(weights.movq, options.movq), weights.movq.arena.dtype);
  }

  get info(): StageInfo {
    const { unet } = this.options;
    return {
      name: UNET_NAME,
      imageSize: this.#latentSide * this.latentScale,
      sizeUnit: sizeUnit(unet, this.latentScale),
      takesHint: unet.beside === "hint",
      hintScale: HINT_SCALE / this.latentScale,
      inpaintsOnly: unet.beside === "kept",
      takesText: false,
      takesImageEmbed: true,
      textShape: undefined,
      imageEmbedDim: unet.imageEmbedDim,
      isTrained: true,
      components: [UNET_NAME, MOVQ_NAME],
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

  /**
   * Throws `ArgumentError` for an invalid number of steps; `SamplingError` for DDIM, and for inpainting with a U-Net that was not
   * trained for it.
   */
  check(settings: NetworkSettings, _batch?: number, inpaints = false): void {
    latentSampler(this.options.scheduler, settings);
    guidanceScale(settings, { name: UNET_NAME, canGuide: true });
    if (!inpaints) return;
    if (this.options.unet.beside !== "kept") {
      throw new SamplingError("This decoder cannot inpaint: its U-Net was not trained with images to keep.", {
        advice: "Use weights for inpainting: kandinsky-community/kandinsky-2-2-decoder-inpaint.",
      });
    }
    const { sampler = "ddpm" } = settings;
    if (sampler === "ddpm") return;
    throw new SamplingError(
      `${UNET_NAME} cannot inpaint with the sampler "${sampler}": it needs the previous step, in which the kept part was another. Use the sampler "ddpm".`,
    );
  }

  evaluations(asked: AskedSettings = {}, { strength }: StageRun = {}): number {
    return latentSampler(this.options.scheduler, this.settings(asked), strength).steps.length;
  }

  cost(asked: AskedSettings = {}): number {
    const { unet } = this.options;
    return addedKeyUnetCost(unet, this.#latentSide, IMAGE_TOKENS) * (isGuided(this.settings(asked)) ? 2 : 1);
  }

  /** Samples latents, f32 `[B, h, w, 4]`, with the U-Net. The caller disposes them. */
  sampleLatents(arena: Arena, sampling: LatentSampling): Promise<Tensor> {
    return this.#sampler.sample(arena, sampling);
  }
}
