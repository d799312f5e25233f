import { LayerNorm } from "../../../nn/layer-norm.js";
import { Linear } from "../../../nn/linear.js";
import { cast, splitChannels } from "../../../ops/layout.js";
import { ShapeError } from "../../../ops/shape-error.js";
import type { Arena } from "../../../tensor/arena.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { UnetCondition } from "../../diffusers/unet/context-unet.js";
import type { KandinskyUnetOptions } from "../config/unet-config.js";

/** Tokens that an image embedding becomes. The config does not say it. */
export const IMAGE_TOKENS = 32;

/**
 * What the U-Net is conditioned on: an image embedding becomes tokens, and is added to the time embedding (`ImageProjection` and
 * `ImageTimeEmbedding` of diffusers).
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/embeddings.py#L1499-L1525
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/embeddings.py#L2008-L2020
 */
export class ImageCondition {
  readonly #embedDim: number;
  readonly #tokens: Linear;
  readonly #tokenNorm: LayerNorm;
  readonly #added: Linear;
  readonly #addedNorm: LayerNorm;

  /** `weights`: of the U-Net. */
  constructor(weights: Weights, { imageEmbedDim, contextDim, timeDim }: KandinskyUnetOptions) {
    const [context, added] = [weights.at("encoder_hid_proj"), weights.at("add_embedding")];
    this.#embedDim = imageEmbedDim;
    this.#tokens = new Linear(context.at("image_embeds"), imageEmbedDim, IMAGE_TOKENS * contextDim);
    this.#tokenNorm = new LayerNorm(context.at("norm"), contextDim);
    this.#added = new Linear(added.at("image_proj"), imageEmbedDim, timeDim);
    this.#addedNorm = new LayerNorm(added.at("image_norm"), timeDim);
  }

  /** The condition of image embeddings `[batch, imageEmbedDim]`. Throws `ShapeError` for embeddings of another width. */
  forward(arena: Arena, imageEmbed: Tensor): UnetCondition {
    const [batch = 0] = imageEmbed.shape;
    if (imageEmbed.shape.length !== 2 || imageEmbed.channels !== this.#embedDim) {
      throw new ShapeError("ImageCondition", "imageEmbed", imageEmbed.shape, [batch, this.#embedDim]);
    }
    return arena.scope(() => {
      const embed = cast(arena.share(imageEmbed), arena.dtype);
      // The tokens lie one behind the other.
      const tokens = splitChannels(this.#tokens.forward(embed), IMAGE_TOKENS);
      return {
        context: this.#tokenNorm.forward(tokens),
        addedToTime: this.#addedNorm.forward(this.#added.forward(embed)),
      };
    });
  }
}
