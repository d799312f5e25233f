import { Linear } from "../../../nn/linear.js";
import { cast, padTokens } from "../../../ops/layout.js";
import { nonZeroRows, selectRows } from "../../../ops/select.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { NetworkDialect } from "../dialect/flags.js";
import type { Weights } from "../../../weights/store.js";
import type { TextMask } from "../text-mask.js";
import type { Architecture } from "./architecture.js";

/**
 * The CLIP text encodings as tokens, with learned tokens for padding.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2259-L2292
 */
export class TextCondition {
  readonly #toTokens: Linear;
  readonly #nullTokens: Tensor;
  readonly #padding: Padding;

  constructor(weights: Weights, embedDim: number, { condDim, maxTextLen, textPadding }: Architecture) {
    this.#toTokens = new Linear(weights.at("text_to_cond"), embedDim, condDim);
    this.#nullTokens = weights.table("null_text_embed", [1, maxTextLen, condDim]);
    this.#padding = PADDINGS[textPadding];
  }

  /**
   * `textEncodings` `[B, L, embedDim]` to `[B, maxTextLen, condDim]`; all padding for the samples that `keep` (u32 `[B]`)
   * drops. Versions that detect padding themselves ignore `textMask`.
   */
  forward(textEncodings: Tensor, textMask: TextMask | undefined, keep: Tensor): Tensor {
    const { arena } = textEncodings;
    return arena.scope(() => {
      const fallback = this.#nullTokens;
      const tokens = this.#toTokens.forward(cast(textEncodings, arena.dtype));
      return selectRows({
        ...this.#padding(tokens, textEncodings, textMask, fallback.shape[1]!),
        fallback,
        keepMask: keep,
      });
    });
  }
}

/** Replaces tokens `[B, L, condDim]` whose mask is 0, and all beyond L, by learned ones. */
type Padding = (
  tokens: Tensor,
  textEncodings: Tensor,
  textMask: TextMask | undefined,
  length: number,
) => { readonly tokens: Tensor; readonly mask?: Tensor };

const PADDINGS: Readonly<Record<NetworkDialect["unetTextPad"], Padding>> = {
  // Rows of zeros are padding.
  nullEmbed: (tokens, textEncodings) => ({ tokens, mask: nonZeroRows(textEncodings) }),

  // The caller says what is padding. Without a mask nothing is, and tokens of zeros fill the length.
  mask: (tokens, textEncodings, textMask, length) => {
    const [batch = 0, given = 0] = tokens.shape;
    if (textMask === "nonZero") return { tokens, mask: nonZeroRows(textEncodings) };
    if (textMask) return { tokens, mask: tokens.arena.from(textMask.flat(), [batch, given], "u32") };
    return { tokens: given < length ? padTokens(tokens, length) : tokens };
  },
};
