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
  readonly #vector: { readonly linear: Linear; readonly null: Tensor } | undefined;

  constructor(
    weights: Weights,
    embedDim: number,
    private readonly unet: Architecture,
  ) {
    const { condDim, numImageTokens, timeCondDim } = unet;
    this.#toTokens = new Linear(weights.at("image_to_tokens", 0), embedDim, condDim * numImageTokens);
    this.#nullTokens = weights.table("null_image_embed", [1, numImageTokens, condDim]);
    if (!unet.addImageEmbedsToTime) return;
    this.#vector = {
      linear: new Linear(weights.at("to_image_hiddens", 0), embedDim, timeCondDim),
      null: weights.table("null_image_hiddens", [1, timeCondDim]),
    };
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
      return { vector: this.#vectorOf(embed, keep), tokens };
    });
  }

  #vectorOf(embed: Tensor, keep: Tensor): Tensor | undefined {
    if (!this.#vector) return undefined;
    const hiddens = this.#vector.linear.forward(embed, { activation: "gelu" });
    const [batch = 0, channels = 0] = hiddens.shape;
    return selectRows({
      tokens: hiddens.reshape([batch, 1, channels]),
      fallback: this.#vector.null,
      keep,
    }).reshape(hiddens.shape);
  }
}
