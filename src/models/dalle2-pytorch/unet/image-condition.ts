import { Linear } from "../../../nn/linear.js";
import { cast, concatBatch, repeatBatch, selectBatch, splitChannels } from "../../../ops/layout.js";
import { selectRows } from "../../../ops/select.js";
import { ShapeError } from "../../../ops/shape-error.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { Architecture } from "./architecture.js";

/**
 * The CLIP image embedding as tokens and, added to the time condition, as a vector.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2227-L2257
 */
export class ImageCondition {
  readonly #tokens: ImageTokens;
  readonly #vector: ImageVector | undefined;

  constructor(weights: Weights, embedDim: number, unet: Architecture) {
    const { condDim, imageCondition } = unet;
    this.#tokens = new (embedDim === condDim ? BatchTokens : ProjectedTokens)(weights, embedDim, unet);
    if (imageCondition.vector !== "none") {
      this.#vector = new VECTORS[imageCondition.vector](weights, embedDim, unet.timeCondDim);
    }
  }

  /**
   * `imageEmbed` `[B, embedDim]` to tokens `[B, numImageTokens, condDim]` and a vector `[B, timeCondDim]`; null embeddings
   * for the samples that `keep` (u32 `[B]`) drops. The batch consists of `branches` batches, which the reference computes
   * one after the other.
   */
  forward(imageEmbed: Tensor, keep: Tensor, branches: number): { vector: Tensor | undefined; tokens: Tensor } {
    const { arena } = imageEmbed;
    return arena.scope(() => {
      const embed = cast(imageEmbed, arena.dtype);
      return { vector: this.#vector?.forward(embed, keep), tokens: this.#tokens.forward(embed, keep, branches) };
    });
  }
}

/** Tokens of image embeddings `[B, embedDim]`. */
interface ImageTokens {
  forward(embed: Tensor, keep: Tensor, branches: number): Tensor;
}

/** Tokens that a linear layer makes of each embedding. */
class ProjectedTokens implements ImageTokens {
  readonly #toTokens: Linear;
  readonly #nullTokens: Tensor;
  readonly #count: number;

  constructor(weights: Weights, embedDim: number, { condDim, numImageTokens, imageCondition }: Architecture) {
    this.#count = numImageTokens;
    this.#toTokens = new Linear(weights.at(imageCondition.tokens, 0), embedDim, condDim * numImageTokens);
    this.#nullTokens = weights.table("null_image_embed", [1, numImageTokens, condDim]);
  }

  forward(embed: Tensor, keep: Tensor): Tensor {
    return embed.arena.scope(() => {
      const tokens = splitChannels(this.#toTokens.forward(embed), this.#count);
      return selectRows({ tokens, fallback: this.#nullTokens, keepMask: keep });
    });
  }
}

/**
 * The reference's behaviour if embeddings are as wide as the tokens: it has no layer between them, and broadcasts `[B,
 * condDim]` as if it were `[1, B, condDim]`. So each sample gets the embeddings of the whole batch, one per token; a single
 * embedding fills all `numImageTokens`. Other batch sizes cannot be broadcast.
 */
class BatchTokens implements ImageTokens {
  readonly #nullTokens: Tensor;

  constructor(weights: Weights, _embedDim: number, { condDim, numImageTokens }: Architecture) {
    this.#nullTokens = weights.table("null_image_embed", [1, numImageTokens, condDim]);
  }

  forward(embed: Tensor, keep: Tensor, branches: number): Tensor {
    const [, count, dim] = this.#nullTokens.shape as [number, number, number];
    const batch = embed.shape[0]! / branches;
    if (!canBroadcast(batch, count)) {
      throw new ShapeError(
        "Unet.forward",
        "imageEmbed",
        embed.shape,
        `1 or ${count} images: cond_dim is image_embed_dim`,
      );
    }
    const length = Math.max(batch, count);
    return embed.arena.scope(() => {
      const ofBranch = (branch: number): Tensor => {
        const embeds = selectBatch(embed, branch * batch, (branch + 1) * batch);
        return repeatBatch(repeatBatch(embeds, length / batch).reshape([1, length, dim]), batch);
      };
      const tokens = Array.from({ length: branches }, (_, branch) => ofBranch(branch)).reduce(concatBatch);
      const nullTokens = embed.arena.share(this.#nullTokens).reshape([count, dim]);
      const fallback = repeatBatch(nullTokens, length / count);
      return selectRows({ tokens, fallback, keepMask: keep });
    });
  }
}

/** True if the reference accepts a batch of this size if embeddings are as wide as the tokens (`BatchTokens`). */
export function canBroadcast(batch: number, numImageTokens: number): boolean {
  return batch === 1 || numImageTokens === 1 || batch === numImageTokens;
}

/** The part of the image embedding that is added to the time condition, `[B, timeCondDim]`. */
interface ImageVector {
  forward(embed: Tensor, keep: Tensor): Tensor;
}

/** A vector that guidance does not drop. */
class KeptVector implements ImageVector {
  readonly #linear: Linear;

  constructor(weights: Weights, embedDim: number, timeCondDim: number) {
    this.#linear = new Linear(weights.at("to_image_hiddens", 0), embedDim, timeCondDim);
  }

  forward(embed: Tensor): Tensor {
    return this.#linear.forward(embed, { activation: "gelu" });
  }
}

/** A vector that is replaced by a learned one for the samples that `keep` drops. */
class DroppableVector implements ImageVector {
  readonly #vector: KeptVector;
  readonly #null: Tensor;

  constructor(weights: Weights, embedDim: number, timeCondDim: number) {
    this.#vector = new KeptVector(weights, embedDim, timeCondDim);
    this.#null = weights.table("null_image_hiddens", [1, timeCondDim]);
  }

  forward(embed: Tensor, keep: Tensor): Tensor {
    return embed.arena.scope(() => {
      const hiddens = this.#vector.forward(embed);
      const [batch = 0, channels = 0] = hiddens.shape;
      const tokens = hiddens.reshape([batch, 1, channels]);
      return selectRows({ tokens, fallback: this.#null, keepMask: keep }).reshape(hiddens.shape);
    });
  }
}

const VECTORS = { unnulled: KeptVector, nulled: DroppableVector } as const;
