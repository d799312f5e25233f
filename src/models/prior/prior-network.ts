import type { PriorNetOptions } from "../../config/resolve.js";
import { Linear } from "../../nn/linear.js";
import { broadcastBatch, cast, concatTokens, repeatBatch } from "../../ops/layout.js";
import { guide } from "../../ops/sampler.js";
import { nonZeroRows, selectRows } from "../../ops/select.js";
import { ShapeError } from "../../ops/shape-error.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { NetworkDialect } from "../../weights/dialect-flags.js";
import type { Weights } from "../../weights/store.js";
import { UnsupportedError } from "../../weights/unsupported-error.js";
import { CausalTransformer } from "./causal-transformer.js";
import { ContinuousTime, TimestepTable, type TimeEmbedding } from "./time-embedding.js";

/** What the prediction of an image embedding depends on. Tensors may be f32 or of the arena's type. */
export interface PriorCondition {
  /** `[batch, dim]` */
  readonly textEmbed: Tensor;
  /** `[batch, length, dim]`; a token of zeros is padding. Without them, all text tokens are the learned padding. */
  readonly textEncodings?: Tensor | undefined;
  /** `[batch, dim]`: the last prediction, for networks with self-conditioning. Zeros where it is missing. */
  readonly selfCond?: Tensor | undefined;
}

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
  readonly #weights: Weights;
  readonly #toTextEmbeds: Linear | undefined;
  readonly #toImageEmbeds: Linear | undefined;
  readonly #toTimeEmbeds: TimeEmbedding;
  readonly #transformer: CausalTransformer;
  /** `[1, 1, dim]` */
  readonly #learnedQuery: Tensor;
  /** `[1, maxTextLen, dim]` */
  readonly #nullTextEncodings: Tensor;
  /** `[1, numTextEmbeds, dim]` */
  readonly #nullTextEmbeds: Tensor;
  /** `[1, dim]` */
  readonly #nullImageEmbed: Tensor;

  constructor(weights: Weights, options: PriorNetOptions, dialect: NetworkDialect) {
    checkDialect(options, dialect);
    const { dim, maxTextLen, numTimesteps, numTimeEmbeds, numImageEmbeds, numTextEmbeds } = options;
    this.#options = options;
    this.#weights = weights;
    const spread = (name: string, count: number): Linear | undefined =>
      count > 1 ? new Linear(weights.at(name, 0), dim, dim * count) : undefined;
    this.#toTextEmbeds = spread("to_text_embeds", numTextEmbeds);
    this.#toImageEmbeds = spread("to_image_embeds", numImageEmbeds);
    const time = weights.at("to_time_embeds.0");
    this.#toTimeEmbeds =
      numTimesteps === null
        ? new ContinuousTime(time, dim, dim * numTimeEmbeds)
        : new TimestepTable(time, numTimesteps, dim * numTimeEmbeds);
    const length = maxTextLen + numTextEmbeds + numTimeEmbeds + numImageEmbeds + (options.selfCond ? 2 : 1);
    this.#transformer = new CausalTransformer(weights.at("causal_transformer"), options, length, dialect);
    this.#learnedQuery = weights.table("learned_query", [1, 1, dim], { fileShape: [dim] });
    this.#nullTextEncodings = weights.table("null_text_encodings", [1, maxTextLen, dim]);
    this.#nullTextEmbeds = weights.table("null_text_embeds", [1, numTextEmbeds, dim]);
    this.#nullImageEmbed = weights.table("null_image_embed", [1, dim]);
  }

  /** Predicts from the noised `imageEmbed` `[batch, dim]` at one timestep per sample: `[batch, dim]`. */
  forward(imageEmbed: Tensor, timesteps: readonly number[], condition: PriorCondition, keep?: KeepMasks): Tensor {
    const { arena } = this.#weights;
    const batch = this.#checkInputs(imageEmbed, timesteps, condition);
    const { numTextEmbeds, numTimeEmbeds, numImageEmbeds } = this.#options;
    return arena.scope(() => {
      // What has to be uploaded comes first, as every upload submits the work encoded before it.
      const keepText = arena.from(keep?.text ?? timesteps.map(() => 1), [batch], "u32");
      const keepImage = arena.from(keep?.image ?? timesteps.map(() => 1), [batch], "u32");
      const selfCond = this.#selfCondTokens(condition.selfCond, batch);
      const timeEmbeds = this.#toTokens(this.#toTimeEmbeds.forward(timesteps), undefined, numTimeEmbeds);
      const textEmbeds = this.#toTokens(condition.textEmbed, this.#toTextEmbeds, numTextEmbeds);
      const imageEmbeds = this.#toTokens(imageEmbed, this.#toImageEmbeds, numImageEmbeds);
      const nullImageEmbeds = repeatBatch(this.#nullImageEmbed, numImageEmbeds);
      const tokens = concatTokens([
        this.#textTokens(condition.textEncodings, keepText),
        selectRows({ tokens: textEmbeds, fallback: this.#nullTextEmbeds, keep: keepText }),
        timeEmbeds,
        selectRows({ tokens: imageEmbeds, fallback: nullImageEmbeds, keep: keepImage }),
        ...selfCond,
        broadcastBatch(this.#learnedQuery, batch),
      ]);
      return this.#transformer.forward(tokens);
    });
  }

  /**
   * Classifier-free guidance (Ho & Salimans 2022): null + (conditional − null) · condScale, `[batch, dim]` in f32. Both
   * predictions come from one batch of twice the size. A scale of 1 is the conditional prediction alone.
   */
  forwardWithCondScale(
    imageEmbed: Tensor,
    timesteps: readonly number[],
    condition: PriorCondition,
    condScale: number,
  ): Tensor {
    return this.#weights.arena.scope(() => {
      if (condScale === 1) return cast(this.forward(imageEmbed, timesteps, condition), "f32");
      const twice = (x: Tensor | undefined): Tensor | undefined => x && repeatBatch(x, 2);
      const { textEmbed, textEncodings, selfCond } = condition;
      const doubled = {
        textEmbed: repeatBatch(textEmbed, 2),
        textEncodings: twice(textEncodings),
        selfCond: twice(selfCond),
      };
      const keep = timesteps.map(() => 1).concat(timesteps.map(() => 0));
      const times = [...timesteps, ...timesteps];
      return guide(this.forward(repeatBatch(imageEmbed, 2), times, doubled, { text: keep, image: keep }), condScale);
    });
  }

  /** `[batch, dim]` to `count` tokens, by the linear layer where there is one. */
  #toTokens(embed: Tensor, spread: Linear | undefined, count: number): Tensor {
    const x = cast(embed, this.#weights.arena.dtype);
    return (spread?.forward(x) ?? x).reshape([embed.shape[0]!, count, this.#options.dim]);
  }

  /** Text encodings, learned tokens where they are padding, missing or dropped: `[batch, maxTextLen, dim]`. */
  #textTokens(encodings: Tensor | undefined, keep: Tensor): Tensor {
    if (!encodings) return broadcastBatch(this.#nullTextEncodings, keep.shape[0]!);
    const tokens = cast(encodings, this.#weights.arena.dtype);
    return selectRows({ tokens, fallback: this.#nullTextEncodings, mask: nonZeroRows(tokens), keep });
  }

  #selfCondTokens(selfCond: Tensor | undefined, batch: number): Tensor[] {
    const { dim, selfCond: isUsed } = this.#options;
    if (!isUsed) return [];
    const { arena } = this.#weights;
    return [this.#toTokens(selfCond ?? arena.from(new Float32Array(batch * dim), [batch, dim]), undefined, 1)];
  }

  #checkInputs(imageEmbed: Tensor, timesteps: readonly number[], condition: PriorCondition): number {
    const { dim } = this.#options;
    const { textEmbed, textEncodings, selfCond } = condition;
    const batch = timesteps.length;
    const vectors = { imageEmbed, textEmbed, selfCond };
    for (const [name, x] of Object.entries(vectors)) {
      if (x && x.shape.join() !== `${batch},${dim}`) throw new ShapeError("PriorNetwork", name, x.shape, [batch, dim]);
    }
    if (textEncodings && (textEncodings.shape[0] !== batch || textEncodings.channels !== dim)) {
      throw new ShapeError("PriorNetwork", "textEncodings", textEncodings.shape, [batch, "length", dim]);
    }
    return batch;
  }
}

/** Refuses the dialects whose networks differ in more than the numbers that are read from them here. */
function checkDialect(options: PriorNetOptions, dialect: NetworkDialect): void {
  const { priorTextPad, priorCfg, priorTime, priorSelfCond } = dialect;
  const isBuilt =
    priorTextPad === "nullTokens" &&
    priorCfg === "nullsAll" &&
    (options.numTimesteps !== null || priorTime === "sinusFloat") &&
    (!options.selfCond || priorSelfCond === "imageSelfQuery");
  if (isBuilt) return;
  const flags = Object.entries({ priorTextPad, priorCfg, priorTime, priorSelfCond });
  throw new UnsupportedError(`a prior of that dialect (${flags.map(([name, flag]) => `${name} ${flag}`).join(", ")})`);
}
