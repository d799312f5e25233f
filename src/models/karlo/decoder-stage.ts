import { clamp } from "../../ops/elementwise.js";
import type { Arena } from "../../tensor/arena.js";
import type { HeldTensors } from "../../tensor/held-tensors.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";
import { isGuided } from "../../diffusion/guidance.js";
import type { AskedSettings } from "../../diffusion/settings.js";
import type { StageInfo } from "../stage-info.js";
import type { AddedKeyUnetOptions } from "../diffusers/config/added-key-unet-config.js";
import type { TextProjectionOptions } from "./config/text-projection-config.js";
import { addedKeyUnetCost } from "../diffusers/cost.js";
import { DECODER_DEFAULTS } from "./defaults.js";
import { KarloStage, needed, type StageNetwork, type StagePart, type StageSampling } from "./karlo-stage.js";
import { NULL_TEXT } from "../diffusers/null-text.js";
import type { UnclipScheduler } from "../diffusers/scheduler/unclip-scheduler.js";
import { TextProjection } from "./text-projection.js";
import { AddedKeyUnet } from "../diffusers/unet/added-key-unet.js";

/** Name of the stage and of its component: the U-Net, and the projection of texts and images before it. */
export const DECODER_NAME = "U-Net 1";

/** The options of the decoder and of what it is with. */
export interface DecoderStageOptions {
  readonly unet: AddedKeyUnetOptions & { readonly sampleSize: number };
  readonly projection: TextProjectionOptions;
  readonly scheduler: UnclipScheduler;
  /** Encodings of the longest text, for plans of time and memory. */
  readonly textLength: number;
}

/**
 * The decoder of Karlo, which generates a small image from an image embedding and a text. The null branch of guidance has the
 * learned null image embedding and the empty text, or the negative prompt.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/unclip/pipeline_unclip.py#L360-L427
 */
export class DecoderStage extends KarloStage {
  protected readonly defaults = DECODER_DEFAULTS;
  readonly #unet: AddedKeyUnet;
  readonly #projection: TextProjection;

  /** Declares the weights of both networks. */
  constructor(
    weights: { readonly unet: Weights; readonly projection: Weights },
    private readonly options: DecoderStageOptions,
  ) {
    super(options.scheduler, options.unet.channelsIn, weights.unet.arena.dtype);
    this.#unet = new AddedKeyUnet(weights.unet, options.unet);
    this.#projection = new TextProjection(weights.projection, options.projection);
  }

  get info(): StageInfo {
    const { unet, projection, textLength } = this.options;
    return {
      name: DECODER_NAME,
      imageSize: unet.sampleSize,
      takesText: true,
      takesTextEmbed: true,
      takesImageEmbed: true,
      textShape: [textLength, projection.embedDim],
      imageEmbedDim: projection.embedDim,
      isTrained: true,
      components: [DECODER_NAME],
    };
  }

  cost(asked: AskedSettings = {}): number {
    const { unet, projection, textLength } = this.options;
    return (
      addedKeyUnetCost(unet, unet.sampleSize, projection.imageTokens + textLength) *
      (isGuided(this.settings(asked)) ? 2 : 1)
    );
  }

  protected networksOf(steps: number): readonly StagePart[] {
    return [{ component: DECODER_NAME, start: 0, end: steps }];
  }

  protected override finished(x: Tensor): Tensor {
    return clamp(x, -1, 1);
  }

  protected network(_: string, held: HeldTensors, arena: Arena, sampling: StageSampling): StageNetwork {
    const { batch, condScale } = sampling;
    const own = conditionsOf(sampling);
    const conditions = held.hold(() => {
      const condition = this.#projection.forward(arena, own);
      if (!isGuided(sampling)) return { condition, negative: undefined };
      return { condition, negative: this.#projection.forward(arena, nullConditionsOf(sampling)) };
    });
    const unet = this.#unet;
    return {
      prepare: (inputs, times) => {
        const prepared = unet.prepare(inputs, { batch, times, ...conditions }, condScale);
        return (x) => unet.forward(x, prepared);
      },
    };
  }
}

const missingText = (name: string): string =>
  `This decoder needs texts: pass ${name}, also for an image without one, whose text is ${JSON.stringify(NULL_TEXT)}.`;

function conditionsOf({ imageEmbed, textEmbed, textEncodings, textMask }: StageSampling) {
  return {
    imageEmbed: needed("imageEmbed", imageEmbed, "This decoder needs image embeddings: pass imageEmbed."),
    textEmbed: needed("textEmbed", textEmbed, missingText("textEmbed")),
    textEncodings: needed("textEncodings", textEncodings, missingText("textEncodings")),
    textMask,
  };
}

/** The condition of the null branch: a text, and the learned null embedding unless a caller gives an image embedding. */
function nullConditionsOf({ negative }: StageSampling) {
  const missing = `Guidance of this decoder needs a text to guide away from: pass negative, the encoded text ${JSON.stringify(NULL_TEXT)}.`;
  return {
    imageEmbed: negative?.imageEmbed,
    textEmbed: needed("negative", negative?.textEmbed, missing),
    textEncodings: needed("negative", negative?.textEncodings, missing),
    textMask: negative?.textMask,
  };
}
