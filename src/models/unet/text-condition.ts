import { Linear } from "../../nn/linear.js";
import { cast } from "../../ops/layout.js";
import { nonZeroRows, selectRows } from "../../ops/select.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";
import type { Architecture } from "./architecture.js";

/** The CLIP text encodings as tokens; learned ones stand for padding. */
export class TextCondition {
  readonly #toTokens: Linear;
  readonly #nullTokens: Tensor;

  constructor(weights: Weights, embedDim: number, { condDim, maxTextLen }: Architecture) {
    this.#toTokens = new Linear(weights.at("text_to_cond"), embedDim, condDim);
    this.#nullTokens = weights.table("null_text_embed", [1, maxTextLen, condDim]);
  }

  /**
   * `textEncodings` `[B, L, embedDim]`, zero rows being padding, to `[B, maxTextLen, condDim]`; all padding for the
   * samples that `keep` (u32 `[B]`) drops.
   */
  forward(textEncodings: Tensor, keep: Tensor): Tensor {
    const { arena } = textEncodings;
    return arena.scope(() => {
      const mask = nonZeroRows(textEncodings);
      const tokens = this.#toTokens.forward(cast(textEncodings, arena.dtype));
      return selectRows({ tokens, fallback: this.#nullTokens, mask, keep });
    });
  }
}
