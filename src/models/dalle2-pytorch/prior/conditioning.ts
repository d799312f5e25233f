import type { PriorNetOptions } from "../options.js";
import { broadcastBatch, repeatBatch } from "../../../ops/layout.js";
import { nonZeroRows, selectRows, visibleTokens } from "../../../ops/select.js";
import { ShapeError } from "../../../ops/shape-error.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { NetworkDialect } from "../dialect/flags.js";
import type { Weights } from "../../../weights/store.js";
import { UnsupportedError } from "../../../weights/unsupported-error.js";

/** The conditions of a batch in the arena's type, and what of them is dropped. */
export interface Conditions {
  /** `[batch, length, dim]`, if there are any. */
  readonly textEncodings: Tensor | undefined;
  /** u32 `[batch, length]`: 0 where a token is padding, if the caller knows; `nonZero`: where it is all zeros. */
  readonly textMask: Tensor | "nonZero" | undefined;
  /** `[batch, numTextEmbeds, dim]` */
  readonly textEmbeds: Tensor;
  /** `[batch, numImageEmbeds, dim]` */
  readonly imageEmbeds: Tensor;
  /** u32 `[batch]`: 0 where the text is dropped. */
  readonly keepText: Tensor;
  /** u32 `[batch]`: 0 where the image embedding is dropped. */
  readonly keepImage: Tensor;
}

/** Tokens that stand for the conditions: `[batch, *, dim]` each. */
export interface ConditionTokens {
  /** Text encodings, then text embeddings. */
  readonly text: readonly Tensor[];
  readonly image: Tensor;
  /** u32 `[batch, tokens of the sequence]`: 0 where a token is not attended to. Default: nowhere. */
  readonly keyMask?: Tensor;
}

/** How a version of the prior treats padding, and conditions that are dropped for guidance. */
export interface Conditioning {
  /** Whether a prediction without conditions differs from one with them. */
  readonly canDrop: boolean;
  tokens(conditions: Conditions): ConditionTokens;
}

type Dialect = Pick<NetworkDialect, "priorTextPad" | "priorCfg">;

/** Text tokens that a prior takes at least where its version set no limit: what the reference's own tokenizer makes. */
const UNLIMITED_TEXT = 256;

/** Most text tokens of a sequence. `max_text_len` came with learned padding; versions before took texts of any length. */
export function maxTextTokens({ maxTextLen }: PriorNetOptions, { priorTextPad }: Dialect): number {
  return priorTextPad === "nullTokens" ? maxTextLen : Math.max(maxTextLen, UNLIMITED_TEXT);
}
type TextMask = (encodings: Tensor, given: Conditions["textMask"]) => Tensor | undefined;

const TEXT_MASKS: Readonly<Record<Exclude<Dialect["priorTextPad"], "nullTokens">, TextMask>> = {
  maskOrOnes: (encodings, given) => (given === "nonZero" ? nonZeroRows(encodings) : given),
  maskOrNonZero: (encodings, given) => (typeof given === "object" ? given : nonZeroRows(encodings)),
  nonZero: (encodings) => nonZeroRows(encodings),
  ones: () => undefined,
};

/**
 * The conditioning of a dialect. `tokensBehindText` is how many tokens follow those of the text. Throws UnsupportedError
 * for flags that no version had together.
 */
export function conditioningOf(
  weights: Weights,
  options: PriorNetOptions,
  tokensBehindText: number,
  { priorTextPad, priorCfg }: Dialect,
): Conditioning {
  if (priorTextPad !== "nullTokens" && priorCfg === "mask") {
    const most = maxTextTokens(options, { priorTextPad, priorCfg });
    return new MaskedText({ ...options, maxTextLen: most }, tokensBehindText, TEXT_MASKS[priorTextPad]);
  }
  if (priorTextPad === "nullTokens" && priorCfg === "noop") return new LearnedPadding(weights, options);
  if (priorTextPad === "nullTokens" && priorCfg !== "mask") {
    return new LearnedNulls(weights, options, { dropsTextEmbed: priorCfg === "nullsAll" });
  }
  throw new UnsupportedError(
    `a prior whose dialect has priorTextPad "${priorTextPad}" and priorCfg "${priorCfg}": no version had both`,
  );
}

/**
 * Before 0.23.1: a sequence is as long as its text, and attention does not see padding. Where the text is dropped,
 * attention sees neither encodings nor embedding. The image embedding is never dropped.
 */
class MaskedText implements Conditioning {
  readonly canDrop = true;

  constructor(
    private readonly options: PriorNetOptions,
    private readonly tokensBehindText: number,
    private readonly textMask: TextMask,
  ) {}

  tokens({ textEncodings, textMask, textEmbeds, imageEmbeds, keepText }: Conditions): ConditionTokens {
    const { maxTextLen, numTextEmbeds, dim } = this.options;
    const length = textEncodings?.shape[1] ?? 0;
    if (length > maxTextLen) {
      const batch = keepText.channels;
      throw new ShapeError("PriorNetwork", "textEncodings", [batch, length, dim], [batch, `<= ${maxTextLen}`, dim]);
    }
    const optional = length + numTextEmbeds;
    const mask = textEncodings && this.textMask(textEncodings, textMask);
    return {
      text: textEncodings ? [textEncodings, textEmbeds] : [textEmbeds],
      image: imageEmbeds,
      keyMask: visibleTokens({ keep: keepText, optional, mask, length: optional + this.tokensBehindText }),
    };
  }
}

/**
 * 0.23.1 to 1.8.4: there are always `maxTextLen` text tokens; padding is replaced by learned tokens, one for each position.
 * What was meant to drop the text had no effect.
 */
class LearnedPadding implements Conditioning {
  readonly canDrop = false;
  /** `[1, maxTextLen, dim]` */
  readonly #padding: Tensor;

  constructor(weights: Weights, { maxTextLen, dim }: PriorNetOptions) {
    this.#padding = weights.table("null_text_embed", [1, maxTextLen, dim]);
  }

  tokens(conditions: Conditions): ConditionTokens {
    return { text: [padded(conditions, this.#padding), conditions.textEmbeds], image: conditions.imageEmbeds };
  }
}

/** Since 1.9.0: as {@link LearnedPadding}, and dropped conditions are replaced by learned tokens too. */
class LearnedNulls implements Conditioning {
  readonly canDrop = true;
  /** `[1, maxTextLen, dim]` */
  readonly #textEncodings: Tensor;
  /** `[1, numTextEmbeds, dim]`; undefined where the text embedding is never dropped, as before 1.10.4. */
  readonly #textEmbeds: Tensor | undefined;
  /** `[1, dim]` */
  readonly #imageEmbed: Tensor;

  constructor(weights: Weights, options: PriorNetOptions, { dropsTextEmbed }: { readonly dropsTextEmbed: boolean }) {
    const { dim, maxTextLen, numTextEmbeds } = options;
    this.#textEncodings = weights.table("null_text_encodings", [1, maxTextLen, dim]);
    if (dropsTextEmbed) this.#textEmbeds = weights.table("null_text_embeds", [1, numTextEmbeds, dim]);
    else weights.ignore("null_text_embeds");
    this.#imageEmbed = weights.table("null_image_embed", [1, dim]);
  }

  tokens(conditions: Conditions): ConditionTokens {
    const { textEmbeds, imageEmbeds, keepText, keepImage } = conditions;
    const nullImage = repeatBatch(imageEmbeds.arena.share(this.#imageEmbed), imageEmbeds.shape[1]!);
    return {
      text: [
        padded(conditions, this.#textEncodings),
        this.#textEmbeds ? selectRows({ tokens: textEmbeds, fallback: this.#textEmbeds, keep: keepText }) : textEmbeds,
      ],
      image: selectRows({ tokens: imageEmbeds, fallback: nullImage, keep: keepImage }),
    };
  }
}

/** Text encodings, `padding` `[1, maxTextLen, dim]` where they are zero, missing or dropped: `[batch, maxTextLen, dim]`. */
function padded({ textEncodings, keepText }: Conditions, padding: Tensor): Tensor {
  if (!textEncodings) return broadcastBatch(keepText.arena.share(padding), keepText.channels);
  return selectRows({ tokens: textEncodings, fallback: padding, mask: nonZeroRows(textEncodings), keep: keepText });
}
