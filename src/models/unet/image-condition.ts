import { Linear } from "../../nn/linear.js";
import { cast } from "../../ops/layout.js";
import { selectRows } from "../../ops/select.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";
import type { Architecture } from "./architecture.js";

/** The CLIP image embedding as tokens and, added to the time condition, as a vector. */
export class ImageCondition {
  readonly #toTokens: Linear;
  readonly #nullTokens: Tensor;
  readonly #vector: ImageVector | undefined;

  constructor(
    weights: Weights,
    embedDim: number,
    private readonly unet: Architecture,
  ) {
    const { condDim, numImageTokens, imageCondition } = unet;
    this.#toTokens = new Linear(weights.at(imageCondition.tokens, 0), embedDim, condDim * numImageTokens);
    this.#nullTokens = weights.table("null_image_embed", [1, numImageTokens, condDim]);
    if (imageCondition.vector !== "none") {
      this.#vector = new VECTORS[imageCondition.vector](weights, embedDim, unet.timeCondDim);
    }
  }

  /**
   * `imageEmbed` `[B, embedDim]` to tokens `[B, numImageTokens, condDim]` and a vector `[B, timeCondDim]`; learned nulls
   * for the samples that `keep` (u32 `[B]`) drops.
   */
  forward(imageEmbed: Tensor, keep: Tensor): { vector: Tensor | undefined; tokens: Tensor } {
    const { arena } = imageEmbed;
    return arena.scope(() => {
      const { numImageTokens, condDim } = this.unet;
      const embed = cast(imageEmbed, arena.dtype);
      const [batch = 0] = embed.shape;
      const tokens = selectRows({
        tokens: this.#toTokens.forward(embed).reshape([batch, numImageTokens, condDim]),
        fallback: this.#nullTokens,
        keep,
      });
      return { vector: this.#vector?.forward(embed, keep), tokens };
    });
  }
}

/** What of the image embedding is added to the time condition, `[B, timeCondDim]`. */
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

/** A vector in whose place a learned one is put for the samples that `keep` drops. */
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
      return selectRows({ tokens, fallback: this.#null, keep }).reshape(hiddens.shape);
    });
  }
}

const VECTORS = { unnulled: KeptVector, nulled: DroppableVector } as const;
