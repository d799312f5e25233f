import type { PriorNetOptions } from "../options.js";
import { Linear } from "../../../nn/linear.js";
import { cast, concatBatch, concatTokens, repeatBatch, splitChannels } from "../../../ops/layout.js";
import { guide } from "../../../ops/sampler.js";
import { ShapeError } from "../../../ops/shape-error.js";
import type { Tensor, TensorArena } from "../../../tensor/tensor.js";
import type { NetworkDialect } from "../dialect/flags.js";
import type { Weights } from "../../../weights/store.js";
import { CausalTransformer } from "./causal-transformer.js";
import { conditioningOf, maxTextTokens, type Conditioning } from "./conditioning.js";
import { lastTokensOf, type LastTokens } from "./last-tokens.js";
import { ContinuousTime, TimestepTable, type TimeEmbedding } from "./time-embedding.js";

/** What the prediction of an image embedding depends on. Tensors may be f32 or of the arena's type. */
export interface PriorCondition {
  /** `[batch, dim]` */
  readonly textEmbed: Tensor;
  /** `[batch, length, dim]`; a token of zeros is padding. */
  readonly textEncodings?: Tensor | undefined;
  /** Networks before 0.22.0 took it beside the encodings; later ones do without. */
  readonly textMask?: TextMask | undefined;
  /** `[batch, dim]`: the last prediction, for networks with self-conditioning. Zeros where it is missing. */
  readonly selfCond?: Tensor | undefined;
  /** What guidance leads away from, in place of the learned nulls. */
  readonly negative?: Pick<PriorCondition, "textEmbed" | "textEncodings" | "textMask"> | undefined;
}

/** For each sample 1 or 0 for each of its text encodings, 0 being padding; `nonZero`: rows of zeros are padding. */
export type TextMask = readonly (readonly number[])[] | "nonZero";

/** Per sample 1, or 0 where text or image embedding is replaced by what the network learned for dropped ones. */
export interface KeepMasks {
  readonly text: readonly number[];
  readonly image: readonly number[];
}

/**
 * The network of the diffusion prior (`DiffusionPriorNetwork` of DALLE2-pytorch; Ramesh et al. 2022, section 2.2): a causal
 * transformer over text encodings, text embedding, timestep and noised image embedding, which predicts at its last token.
 */
export class PriorNetwork {
  readonly #options: PriorNetOptions;
  readonly #toTextEmbeds: Linear | undefined;
  readonly #toImageEmbeds: Linear | undefined;
  readonly #toTimeEmbeds: TimeEmbedding;
  readonly #conditioning: Conditioning;
  readonly #lastTokens: LastTokens;
  readonly #transformer: CausalTransformer;

  constructor(weights: Weights, options: PriorNetOptions, dialect: NetworkDialect) {
    const { dim, numTimesteps, numTimeEmbeds, numImageEmbeds, numTextEmbeds } = options;
    this.#options = options;
    const spread = (name: string, count: number): Linear | undefined =>
      count > 1 ? new Linear(weights.at(name, 0), dim, dim * count) : undefined;
    this.#toTextEmbeds = spread("to_text_embeds", numTextEmbeds);
    this.#toImageEmbeds = spread("to_image_embeds", numImageEmbeds);
    const time = weights.at("to_time_embeds.0");
    this.#toTimeEmbeds =
      numTimesteps === null
        ? new ContinuousTime(time, dim, dim * numTimeEmbeds, dialect)
        : new TimestepTable(time, numTimesteps, dim * numTimeEmbeds);
    this.#lastTokens = lastTokensOf(weights, options, dialect);
    const tokensBehindText = numTimeEmbeds + numImageEmbeds + this.#lastTokens.count;
    this.#conditioning = conditioningOf(weights, options, tokensBehindText, dialect);
    const maxLength = maxTextTokens(options, dialect) + numTextEmbeds + tokensBehindText;
    this.#transformer = new CausalTransformer(weights.at("causal_transformer"), options, maxLength, dialect);
  }

  /** Predicts from the noised `imageEmbed` `[batch, dim]` at one timestep per sample: `[batch, dim]`. */
  forward(imageEmbed: Tensor, timesteps: readonly number[], condition: PriorCondition, keep?: KeepMasks): Tensor {
    const { arena } = imageEmbed;
    const batch = this.#checkInputs(imageEmbed, timesteps, condition);
    const { textEmbed, textEncodings, textMask, selfCond } = condition;
    const { numTextEmbeds, numTimeEmbeds, numImageEmbeds } = this.#options;
    const all = timesteps.map(() => 1);
    const { text, image } = keep && this.#conditioning.canDrop ? keep : { text: all, image: all };
    return arena.scope(() => {
      // What has to be uploaded comes first, as every upload submits the work encoded before it.
      const keepText = arena.from(text, [batch], "u32");
      const keepImage = arena.from(image, [batch], "u32");
      const mask = textEncodings && this.#uploadMask(arena, textMask, textEncodings);
      const timeEmbeds = this.#toTokens(this.#toTimeEmbeds.forward(arena, timesteps), undefined, numTimeEmbeds);
      const conditions = this.#conditioning.tokens({
        textEncodings: textEncodings && cast(textEncodings, arena.dtype),
        textMask: mask,
        textEmbeds: this.#toTokens(textEmbed, this.#toTextEmbeds, numTextEmbeds),
        imageEmbeds: this.#toTokens(imageEmbed, this.#toImageEmbeds, numImageEmbeds),
        keepText,
        keepImage,
      });
      const previous = selfCond && this.#toTokens(selfCond, undefined, 1);
      const last = this.#lastTokens.forward(conditions.image, previous);
      const tokens = concatTokens([...conditions.text, timeEmbeds, conditions.image, ...last]);
      return this.#transformer.forward(tokens, conditions.keyMask);
    });
  }

  /**
   * Classifier-free guidance (Ho & Salimans 2022): null + (conditional − null) · condScale, `[batch, dim]` in f32, where the
   * null may be the prediction for a negative text. Both predictions come from one batch of twice the size. A scale of 1 is
   * the conditional prediction alone, as is any scale where a version's null prediction is the conditional one.
   */
  forwardWithCondScale(
    imageEmbed: Tensor,
    timesteps: readonly number[],
    condition: PriorCondition,
    condScale: number,
  ): Tensor {
    return imageEmbed.arena.scope(() => {
      const { textEmbed, textEncodings, textMask, selfCond, negative } = condition;
      if (condScale === 1 || (!negative && !this.#conditioning.canDrop)) {
        return cast(this.forward(imageEmbed, timesteps, condition), "f32");
      }
      const other = negative ?? condition;
      const doubled = {
        textEmbed: concatBatch(textEmbed, other.textEmbed),
        textEncodings: textEncodings && other.textEncodings && concatBatch(textEncodings, other.textEncodings),
        textMask: joinMasks(textMask, other.textMask),
        selfCond: selfCond && repeatBatch(selfCond, 2),
      };
      const keep = timesteps.map(() => 1).concat(timesteps.map(() => (negative ? 1 : 0)));
      const times = [...timesteps, ...timesteps];
      return guide(this.forward(repeatBatch(imageEmbed, 2), times, doubled, { text: keep, image: keep }), condScale);
    });
  }

  /** `[batch, dim]` to `count` tokens, by the linear layer where there is one. */
  #toTokens(embed: Tensor, spread: Linear | undefined, count: number): Tensor {
    const x = cast(embed, embed.arena.dtype);
    return splitChannels(spread?.forward(x) ?? x, count);
  }

  #uploadMask(arena: TensorArena, mask: TextMask | undefined, { shape }: Tensor): Tensor | "nonZero" | undefined {
    return typeof mask === "object" ? arena.from(mask.flat(), shape.slice(0, 2), "u32") : mask;
  }

  #checkInputs(imageEmbed: Tensor, timesteps: readonly number[], condition: PriorCondition): number {
    const { dim } = this.#options;
    const { textEmbed, textEncodings, textMask, selfCond } = condition;
    const batch = timesteps.length;
    const vectors = { imageEmbed, textEmbed, selfCond };
    for (const [name, x] of Object.entries(vectors)) {
      if (x && x.shape.join() !== `${batch},${dim}`) throw new ShapeError("PriorNetwork", name, x.shape, [batch, dim]);
    }
    if (textEncodings && (textEncodings.shape[0] !== batch || textEncodings.channels !== dim)) {
      throw new ShapeError("PriorNetwork", "textEncodings", textEncodings.shape, [batch, "length", dim]);
    }
    if (textEncodings && typeof textMask === "object") checkTextMask(textMask, batch, textEncodings.shape[1]!);
    return batch;
  }
}

function joinMasks(a: TextMask | undefined, b: TextMask | undefined): TextMask | undefined {
  return typeof a === "object" && typeof b === "object" ? [...a, ...b] : a;
}

function checkTextMask(mask: Exclude<TextMask, string>, batch: number, length: number): void {
  const wrong = mask.find((row) => row.length !== length);
  if (mask.length !== batch || wrong) {
    throw new ShapeError("PriorNetwork", "textMask", [mask.length, wrong?.length ?? length], [batch, length]);
  }
}
