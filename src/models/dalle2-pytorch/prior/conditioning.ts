import type { PriorNetOptions } from "../options.js";
import { broadcastBatch, repeatBatch } from "../../../ops/layout.js";
import { nonZeroRows, selectRows, visibleTokens } from "../../../ops/select.js";
import { ShapeError } from "../../../ops/shape-error.js";
import { stepRow, type StepRows } from "../../../ops/step-inputs.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { NetworkDialect } from "../dialect/flags.js";
import type { Weights } from "../../../weights/store.js";
import { UnsupportedError } from "../../../weights/unsupported-error.js";

/** The texts of a run in the arena's dtype, and which samples drop them. */
export interface TextConditions {
  /** `[batch, length, dim]`, if there are any. */
  readonly textEncodings: Tensor | undefined;
  /** For each pass u32 `[batch, length]`: 0 for padding, if the caller knows it. `nonZero`: rows of zeros are padding. */
  readonly textMask: StepRows | "nonZero" | undefined;
  /** `[batch, numTextEmbeds, dim]` */
  readonly textEmbeds: Tensor;
  /** u32 `[batch]`: 0 to drop the text. */
  readonly keepText: Tensor;
}

/** The part of a run's condition that is the same in every pass. */
export interface PreparedText {
  /** Text encodings, then text embeddings: `[batch, *, dim]` each. */
  readonly tokens: readonly Tensor[];
  /** Where the text is masked. */
  readonly mask: TextVisibility | undefined;
}

/** Which tokens of a sequence attention may see. */
interface TextVisibility {
  /** u32 `[batch]`: 0 to hide both encodings and embedding. */
  readonly keep: Tensor;
  /** u32 `[batch, length]`: 0 to hide an encoding. Default: all are visible. */
  readonly encodings: StepRows | Tensor | undefined;
  /** Number of tokens that depend on `keep`. */
  readonly optional: number;
}

/** Whether the mask of a text is the same in every pass. */
export function isMaskFixed({ mask }: PreparedText): boolean {
  const { encodings } = mask ?? {};
  return !encodings || !("counter" in encodings) || encodings.rows.shape[0] === 1;
}

/** How a version of the prior handles padding, and conditions that guidance drops. */
export interface Conditioning {
  /** True if a prediction without conditions differs from one with them. */
  readonly canDrop: boolean;
  /** The tokens of the text, the same in every pass. */
  prepare(conditions: TextConditions): PreparedText;
  /** The tokens of the image embedding, `[batch, numImageEmbeds, dim]`, dropped where `keep`, u32 `[batch]`, is 0. */
  image(imageEmbeds: Tensor, keep: Tensor): Tensor;
  /**
   * u32 `[batch, tokens]` in the current pass, for the tokens of the text and `more` behind them: 0 to hide a token. Default:
   * none is hidden.
   */
  keyMask(text: PreparedText, more: number): Tensor | undefined;
}

type Dialect = Pick<NetworkDialect, "priorTextPad" | "priorCfg">;

/** Text tokens that a prior accepts if its version has no limit: at least what the reference's own tokenizer makes. */
const UNLIMITED_TEXT = 256;

/** Most text tokens of a sequence. `max_text_len` came with learned padding; earlier versions accept texts of any length. */
export function maxTextTokens({ maxTextLen }: PriorNetOptions, { priorTextPad }: Dialect): number {
  return priorTextPad === "nullTokens" ? maxTextLen : Math.max(maxTextLen, UNLIMITED_TEXT);
}

type MaskRule = (encodings: Tensor, given: TextConditions["textMask"]) => StepRows | Tensor | undefined;

const TEXT_MASKS: Readonly<Record<Exclude<Dialect["priorTextPad"], "nullTokens">, MaskRule>> = {
  maskOrOnes: (encodings, given) => (given === "nonZero" ? nonZeroRows(encodings) : given),
  maskOrNonZero: (encodings, given) => (typeof given === "object" ? given : nonZeroRows(encodings)),
  nonZero: (encodings) => nonZeroRows(encodings),
  ones: () => undefined,
};

/**
 * The conditioning of a dialect. Throws UnsupportedError for flags that no version combines.
 */
export function conditioningOf(
  weights: Weights,
  options: PriorNetOptions,
  { priorTextPad, priorCfg }: Dialect,
): Conditioning {
  if (priorTextPad !== "nullTokens" && priorCfg === "mask") {
    const most = maxTextTokens(options, { priorTextPad, priorCfg });
    return new MaskedText({ ...options, maxTextLen: most }, TEXT_MASKS[priorTextPad]);
  }
  if (priorTextPad === "nullTokens" && priorCfg === "noop") return new LearnedPadding(weights, options);
  if (priorTextPad === "nullTokens" && priorCfg !== "mask") {
    return new LearnedNulls(weights, options, { dropsTextEmbed: priorCfg === "nullsAll" });
  }
  throw new UnsupportedError(
    `a prior whose dialect has priorTextPad "${priorTextPad}" and priorCfg "${priorCfg}": no version has both`,
  );
}

/**
 * Before 0.23.1: a sequence is as long as its text, and attention does not see padding. If the text is dropped, attention
 * sees neither encodings nor embedding. The image embedding is never dropped.
 */
class MaskedText implements Conditioning {
  readonly canDrop = true;

  constructor(
    private readonly options: PriorNetOptions,
    private readonly textMask: MaskRule,
  ) {}

  prepare({ textEncodings, textMask, textEmbeds, keepText }: TextConditions): PreparedText {
    const { maxTextLen, numTextEmbeds, dim } = this.options;
    const length = textEncodings?.shape[1] ?? 0;
    if (length > maxTextLen) {
      const batch = keepText.channels;
      throw new ShapeError("PriorNetwork", "textEncodings", [batch, length, dim], [batch, `<= ${maxTextLen}`, dim]);
    }
    const encodings = textEncodings && this.textMask(textEncodings, textMask);
    return {
      tokens: textEncodings ? [textEncodings, textEmbeds] : [textEmbeds],
      mask: { keep: keepText, encodings, optional: length + numTextEmbeds },
    };
  }

  image(imageEmbeds: Tensor): Tensor {
    return imageEmbeds;
  }

  keyMask({ mask }: PreparedText, more: number): Tensor | undefined {
    if (!mask) return undefined;
    const { keep, encodings, optional } = mask;
    const seen = encodings && "counter" in encodings ? stepRow(encodings, keep.channels) : encodings;
    return visibleTokens({ keepMask: keep, optional, mask: seen, length: optional + more });
  }
}

/**
 * 0.23.1 to 1.8.4: there are always `maxTextLen` text tokens, and learned tokens, one for each position, replace padding.
 * The code to drop the text had no effect.
 */
class LearnedPadding implements Conditioning {
  readonly canDrop = false;
  /** `[1, maxTextLen, dim]` */
  readonly #padding: Tensor;

  constructor(weights: Weights, { maxTextLen, dim }: PriorNetOptions) {
    this.#padding = weights.table("null_text_embed", [1, maxTextLen, dim]);
  }

  prepare(conditions: TextConditions): PreparedText {
    return { tokens: [padded(conditions, this.#padding), conditions.textEmbeds], mask: undefined };
  }

  image(imageEmbeds: Tensor): Tensor {
    return imageEmbeds;
  }

  keyMask(): undefined {
    return undefined;
  }
}

/**
 * Since 1.9.0: as {@link LearnedPadding}, and learned tokens also replace dropped conditions.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1073-L1129
 */
class LearnedNulls implements Conditioning {
  readonly canDrop = true;
  /** `[1, maxTextLen, dim]` */
  readonly #textEncodings: Tensor;
  /** `[1, numTextEmbeds, dim]`; undefined if the text embedding is never dropped, as before 1.10.4. */
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

  prepare(conditions: TextConditions): PreparedText {
    const { textEmbeds, keepText: keep } = conditions;
    const fallback = this.#textEmbeds;
    return {
      tokens: [
        padded(conditions, this.#textEncodings),
        fallback ? selectRows({ tokens: textEmbeds, fallback, keepMask: keep }) : textEmbeds,
      ],
      mask: undefined,
    };
  }

  image(tokens: Tensor, keep: Tensor): Tensor {
    const fallback = repeatBatch(tokens.arena.share(this.#imageEmbed), tokens.shape[1]!);
    return selectRows({ tokens, fallback, keepMask: keep });
  }

  keyMask(): undefined {
    return undefined;
  }
}

/**
 * Text encodings, with `padding` `[1, maxTextLen, dim]` where they are zero, missing or dropped: `[batch, maxTextLen, dim]`.
 */
function padded({ textEncodings, keepText }: TextConditions, padding: Tensor): Tensor {
  if (!textEncodings) return broadcastBatch(keepText.arena.share(padding), keepText.channels);
  return selectRows({ tokens: textEncodings, fallback: padding, mask: nonZeroRows(textEncodings), keepMask: keepText });
}
