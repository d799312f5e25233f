import { guidanceScale, isGuided } from "../../../diffusion/guidance.js";
import { NotFiniteError, SamplingError } from "../../../diffusion/sampling-error.js";
import { withDefaults, type AskedSettings, type NetworkSettings } from "../../../diffusion/settings.js";
import { FiniteWatch } from "../../../ops/finite.js";
import { concatBatch, selectBatch } from "../../../ops/layout.js";
import { StepInputs } from "../../../ops/step-inputs.js";
import type { Arena } from "../../../tensor/arena.js";
import type { ComputeType } from "../../../tensor/dtype.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { addedKeyUnetCost } from "../../diffusers/cost.js";
import type { CascadeStage, StageRun } from "../../interfaces.js";
import type { StageInfo } from "../../stage-info.js";
import type { MovqOptions } from "../config/movq-config.js";
import { LATENT_CHANNELS } from "../config/unet-config.js";
import { DECODER_DEFAULTS } from "../defaults.js";
import { Movq } from "../movq/movq.js";
import { IMAGE_TOKENS } from "../unet/image-condition.js";
import { FIT_SIDE, fitColours, latentsToFit, type LatentColours } from "./latent-colours.js";
import { LatentSampler, UNET_NAME, type LatentSamplerOptions, type LatentSampling } from "./latent-sampler.js";
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
  readonly #sampler: LatentSampler;
  readonly #movq: Movq;
  readonly #movqDtype: ComputeType;

  /** Declares the weights of both. */
  constructor(
    weights: { readonly unet: Weights; readonly movq: Weights },
    readonly options: DecoderStageOptions,
  ) {
    this.#sampler = new LatentSampler(weights.unet, options);
    this.#movq = new Movq(weights.movq, options.movq);
    this.#movqDtype = weights.movq.arena.dtype;
  }

  get info(): StageInfo {
    const { unet } = this.options;
    return {
      name: UNET_NAME,
      imageSize: this.#latentSide * this.latentScale,
      sizeUnit: sizeUnit(unet, this.latentScale),
      takesHint: unet.beside === "hint",
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
    return this.#movq.scale;
  }

  settings(asked: AskedSettings = {}): NetworkSettings {
    return withDefaults(asked, DECODER_DEFAULTS);
  }

  /**
   * Throws `ArgumentError` for an invalid number of steps; `SamplingError` for DDIM, and for inpainting with a U-Net that was not
   * trained for it.
   */
  check(settings: NetworkSettings, _batch?: number, inpaints = false): void {
    this.#sampler.sampler(settings);
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
    return this.#sampler.sampler(this.settings(asked), strength).steps.length;
  }

  cost(asked: AskedSettings = {}): number {
    const { unet } = this.options;
    return addedKeyUnetCost(unet, this.#latentSide, IMAGE_TOKENS) * (isGuided(this.settings(asked)) ? 2 : 1);
  }

  /** Samples latents, f32 `[B, h, w, 4]`, with the U-Net. The caller disposes them. */
  sampleLatents(arena: Arena, sampling: LatentSampling): Promise<Tensor> {
    return this.#sampler.sample(arena, sampling);
  }

  /** The latents of images f32 `[B, H, W, 3]` in [-1, 1]: f32 `[B, h, w, 4]`. The caller disposes them. */
  encode(arena: Arena, images: Tensor): Promise<Tensor> {
    return this.#ofEach(arena, images, "latents", (image) => this.#movq.encode(image));
  }

  /** The images of latents: f32 `[B, H, W, 3]`, nominally in [-1, 1]. The caller disposes them. */
  decode(arena: Arena, latents: Tensor): Promise<Tensor> {
    return this.#ofEach(arena, latents, "an image", (one) => this.#movq.decode(one));
  }

  /** The colours of latents for previews. */
  async colours(arena: Arena): Promise<LatentColours> {
    using latents = arena.fromNchw(latentsToFit(), [1, LATENT_CHANNELS, FIT_SIDE, FIT_SIDE], "f32");
    using images = await this.decode(arena, latents);
    const planes = await arena.readNchw(images);
    return fitColours(
      planes.map((value) => value * 0.5 + 0.5),
      this.latentScale,
    );
  }

  /** Applies MoVQ to one sample after the other, which needs the least memory. */
  async #ofEach(callArena: Arena, batch: Tensor, what: string, apply: (one: Tensor) => Tensor): Promise<Tensor> {
    const arena = callArena.withType(this.#movqDtype);
    using inputs = new StepInputs(arena, 1);
    using watch = new FiniteWatch(inputs);
    const result = arena.scope(() => {
      const own = arena.share(batch);
      const samples = Array.from({ length: batch.shape[0]! }, (_, i) => apply(selectBatch(own, i, i + 1)));
      const all = samples.reduce((first, next) => concatBatch(first, next));
      watch.check(all, all);
      return all;
    });
    if (!(await watch.read())) return result;
    result.dispose();
    throw NotFiniteError.at({ component: MOVQ_NAME, dtype: arena.dtype, what });
  }
}
