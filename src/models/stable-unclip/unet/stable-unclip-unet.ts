import { ShapeError } from "../../../ops/shape-error.js";
import { sameShape } from "../../../ops/check.js";
import { cast } from "../../../ops/layout.js";
import type { Arena } from "../../../tensor/arena.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { TimeEmbedding } from "../../diffusers/time-embedding.js";
import type { UnetCondition } from "../../diffusers/unet/context-unet.js";
import { TransformerUnet } from "../../diffusers/unet/transformer-unet.js";
import type { StableUnclipUnetOptions } from "../config/unet-config.js";

/** What the U-Net is conditioned on. */
export interface StableUnclipCondition {
  /** `[B, 2 · imageEmbedDim]`: image embeddings with noise, and the level of the noise. Zeros stand for no image. */
  readonly classLabels: Tensor;
  /** `[B, L, contextDim]`: text encodings. */
  readonly context: Tensor;
}

/**
 * The U-Net of Stable unCLIP: from noisy latents, the timestep, a noisy image embedding and a text to the prediction.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/unets/unet_2d_condition.py#L981-L1270
 */
export class StableUnclipUnet extends TransformerUnet {
  readonly #class: TimeEmbedding;
  readonly #labels: number;

  /** Declares the weights. */
  constructor(weights: Weights, options: StableUnclipUnetOptions) {
    super(weights, options);
    const { timeDim, imageEmbedDim } = options;
    this.#labels = 2 * imageEmbedDim;
    this.#class = new TimeEmbedding(weights.at("class_embedding"), {
      features: this.#labels,
      hidden: timeDim,
      outputs: timeDim,
    });
  }

  /** The condition of a run. Throws `ShapeError` for class labels of another width. */
  condition(arena: Arena, { classLabels, context }: StableUnclipCondition): UnetCondition {
    const [batch = 0] = classLabels.shape;
    if (!sameShape(classLabels.shape, [batch, this.#labels])) {
      throw new ShapeError("StableUnclipUnet.condition", "classLabels", classLabels.shape, [batch, this.#labels]);
    }
    const addedToTime = arena.scope(() => this.#class.forward(cast(arena.share(classLabels), arena.dtype)));
    return { context, addedToTime };
  }
}
