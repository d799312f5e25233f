import { parseConfig } from "../../../config/config-error.js";
import type { RgbImage } from "../../../image/image.js";
import { cast } from "../../../ops/layout.js";
import type { Arena } from "../../../tensor/arena.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { ImageEncoder } from "../../interfaces.js";
import { visionModelConfig } from "../config/transformers-clip-config.js";
import { normalisedImage, sizedImage } from "../image-input.js";
import type { VitOptions } from "../openai-options.js";
import { TRANSFORMERS, visionOfTransformers } from "../stated-clip.js";
import { VisionTransformer } from "../vision-transformer.js";
import type { ImageProcessor } from "./image-processor.js";
import { modelConfig } from "./model-config.js";

export interface VisionModelOptions {
  readonly embedDim: number;
  readonly vision: VitOptions;
}

/** The options in the `config.json` of a `CLIPVisionModelWithProjection`; `file` is its name. Throws `ConfigError`. */
export function visionModelOptions(value: unknown, file: string): VisionModelOptions {
  const config = parseConfig(visionModelConfig, modelConfig(value, "vision_config"), file);
  const {
    heads = TRANSFORMERS.visionHeads,
    activation,
    eps,
    pooling,
    normBeforePooling,
    normPre,
  } = visionOfTransformers(config);
  return {
    embedDim: config.projection_dim,
    vision: {
      kind: "vit",
      resolution: config.image_size,
      patchSize: config.patch_size,
      width: config.hidden_size,
      layers: config.num_hidden_layers,
      heads,
      mlpWidth: config.intermediate_size,
      activation,
      eps,
      layerScale: false,
      pooling,
      normBeforePooling,
      normPre,
    },
  };
}

/** Tokens and embeddings of images. */
export interface EncodedImages {
  /** Every token, before the last norm: `[batch, length, width]`. */
  readonly tokens: Tensor;
  /** `[batch, dimLatent]` */
  readonly embed: Tensor;
}

/**
 * `CLIPVisionModelWithProjection` of the transformers library, with the feature extractor of its pipeline. Image embeddings do
 * not have unit length.
 * @see https://github.com/huggingface/transformers/blob/d6751d91c8f58cdeb35af6adae182d7dc90aa883/src/transformers/models/clip/modeling_clip.py#L1433-L1505
 */
export class TransformersImageEncoder implements ImageEncoder {
  readonly imageSize: number;
  readonly dimLatent: number;
  readonly #processor: ImageProcessor;
  readonly #visual: VisionTransformer;

  /** `weights` have OpenAI's names: see `fromTransformers`. */
  constructor(weights: Weights, { embedDim, vision }: VisionModelOptions, processor: ImageProcessor) {
    this.imageSize = vision.resolution;
    this.dimLatent = embedDim;
    this.#processor = processor;
    this.#visual = new VisionTransformer(weights.at("visual"), vision, embedDim);
  }

  preprocess(image: RgbImage): RgbImage {
    return this.#processor.process(image);
  }

  embedImage(image: Tensor): Tensor {
    return image.arena.scope(() => this.encode(this.normalise(image)).embed);
  }

  /** The embedding of pixels that are zero after they were normalised: an image of the mean colour, not a black one. */
  embedNull(arena: Arena): Tensor {
    return arena.scope(() => {
      const side = this.imageSize;
      return this.encode(arena.from(new Float32Array(3 * side * side), [1, side, side, 3], "f32")).embed;
    });
  }

  /** Images as `embedImage` takes them, normalised; f32. */
  normalise(image: Tensor): Tensor {
    return image.arena.scope(() => normalisedImage(sizedImage(image, this.imageSize, 3), this.#processor.statistics));
  }

  /** Encodes normalised images. */
  encode(image: Tensor): EncodedImages {
    const { arena } = image;
    return arena.scope(() => {
      const tokens = this.#visual.encode(cast(image, arena.dtype));
      return { tokens, embed: cast(this.#visual.project(tokens), "f32") };
    });
  }
}
