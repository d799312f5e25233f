import { resizeBicubic } from "../../ops/resize.js";
import type { Arena } from "../../tensor/arena.js";
import type { HeldTensors } from "../../tensor/held-tensors.js";
import type { Weights } from "../../weights/store.js";
import type { StageInfo } from "../stage-info.js";
import type { SuperResolutionOptions } from "./config/super-resolution-config.js";
import { superResolutionCost } from "./cost.js";
import { SUPER_RESOLUTION_DEFAULTS } from "./defaults.js";
import { KarloStage, needed, toSampler, type StageNetwork, type StagePart, type StageSampling } from "./karlo-stage.js";
import type { UnclipScheduler } from "../diffusers/scheduler/unclip-scheduler.js";
import { SuperResolutionUnet } from "./unet/super-resolution-unet.js";

const NAME = "U-Net 2";
/** Names of its components. */
export const FIRST_STEPS = `${NAME} (first steps)`;
export const LAST_STEP = `${NAME} (last step)`;

/** The options of super-resolution. */
export interface SuperResolutionStageOptions {
  readonly first: SuperResolutionOptions;
  readonly last: SuperResolutionOptions;
  /** Side of the images in pixels. */
  readonly imageSize: number;
  readonly scheduler: UnclipScheduler;
}

/**
 * Karlo's super-resolution: one network for all steps except the last, another for that. It is not guided, and takes only the
 * smaller image, enlarged by an antialiased bicubic filter.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/unclip/pipeline_unclip.py#L429-L488
 */
export class SuperResolutionStage extends KarloStage {
  protected readonly defaults = SUPER_RESOLUTION_DEFAULTS;
  readonly #first: SuperResolutionUnet;
  readonly #last: SuperResolutionUnet;

  /** Declares the weights of both networks. */
  constructor(
    weights: { readonly first: Weights; readonly last: Weights },
    private readonly options: SuperResolutionStageOptions,
  ) {
    super(options.scheduler, options.first.channelsOut, weights.first.arena.dtype);
    this.#first = new SuperResolutionUnet(weights.first, options.first);
    this.#last = new SuperResolutionUnet(weights.last, options.last);
  }

  get info(): StageInfo {
    return {
      name: NAME,
      imageSize: this.options.imageSize,
      takesText: false,
      takesGuidance: false,
      takesImageEmbed: false,
      textShape: undefined,
      imageEmbedDim: undefined,
      isTrained: true,
      components: [FIRST_STEPS, LAST_STEP],
    };
  }

  cost(): number {
    return superResolutionCost(this.options.first, this.options.imageSize);
  }

  protected networksOf(steps: number): readonly StagePart[] {
    return [
      { component: FIRST_STEPS, start: 0, end: steps - 1 },
      { component: LAST_STEP, start: steps - 1, end: steps },
    ];
  }

  protected network(component: string, held: HeldTensors, arena: Arena, sampling: StageSampling): StageNetwork {
    const { imageSize } = this.options;
    const image = needed("image", sampling.lowres, `${NAME} enlarges an image, but no image was given.`);
    const lowres = held.hold(() => {
      const normal = toSampler(arena.share(image));
      return arena.share(resizeBicubic(normal, [imageSize, imageSize]));
    });
    const unet = component === LAST_STEP ? this.#last : this.#first;
    return {
      prepare: (inputs, times) => {
        const prepared = unet.prepare(inputs, { times, lowres });
        return (x) => unet.forward(x, prepared);
      },
    };
  }
}
