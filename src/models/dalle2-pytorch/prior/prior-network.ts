import type { PriorNetOptions } from "../options.js";
import { Linear } from "../../../nn/linear.js";
import { Guidance, guides } from "../../../diffusion/guidance.js";
import { sameShape } from "../../../ops/check.js";
import { cast, concatTokens, splitChannels } from "../../../ops/layout.js";
import { ShapeError } from "../../../ops/shape-error.js";
import { stepRow, type PassTimes, type StepInputs, type StepRows } from "../../../ops/step-inputs.js";
import type { PastTokens } from "../../../nn/multi-query-attention.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { NetworkDialect } from "../dialect/flags.js";
import type { Weights } from "../../../weights/store.js";
import { CausalTransformer } from "./causal-transformer.js";
import { conditioningOf, isMaskFixed, maxTextTokens, type Conditioning, type PreparedText } from "./conditioning.js";
import { lastTokensOf, type LastTokens } from "./last-tokens.js";
import type { TextMask } from "../text-mask.js";
import { ContinuousTime, TimestepTable, type TimeEmbedding } from "./time-embedding.js";

/** The condition for predicting an image embedding. Tensors may be f32 or of the arena's dtype. */
export interface PriorCondition {
  /** `[batch, dim]` */
  readonly textEmbed: Tensor;
  /** `[batch, length, dim]`; a token of zeros is padding. */
  readonly textEncodings?: Tensor | undefined;
  /** Networks before 0.22.0 take it beside the encodings; later ones ignore it. */
  readonly textMask?: TextMask | undefined;
  /** The negative condition of guidance, in place of the null embeddings. */
  readonly negative?: Pick<PriorCondition, "textEmbed" | "textEncodings" | "textMask"> | undefined;
}

/** The inputs of a run that are the same in every pass, except the timestep. */
export interface PriorRun {
  readonly batch: number;
  readonly times: PassTimes;
  readonly condition: PriorCondition;
  /** The mask of the passes after the first. Default: the same. */
  readonly laterMask?: TextMask | undefined;
  /** For each sample 1, or 0 to replace its conditions by the null embeddings. Default: 1. */
  readonly keep?: readonly number[] | undefined;
}

/** A run of the network, ready for its first pass. */
export interface PreparedPrior {
  readonly run: { readonly batch: number; readonly guidance: Guidance | undefined };
  /** Batch size for the network: twice that of the run if it is guided. */
  readonly batch: number;
  readonly times: StepRows;
  readonly text: PreparedText;
  /** The text as the layers see it, unless its mask differs from pass to pass. */
  readonly past: { readonly layers: readonly PastTokens[]; readonly keyMask: Tensor | undefined } | undefined;
  /** u32 `[batch]` */
  readonly keepMask: Tensor;
}

/**
 * The network of the diffusion prior (`DiffusionPriorNetwork` of DALLE2-pytorch; Ramesh et al. 2022, section 2.2): a causal
 * transformer over text encodings, text embedding, timestep and noised image embedding. Its prediction is read at the last
 * token.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L981-L1160
 */
export class PriorNetwork {
  readonly #options: PriorNetOptions;
  readonly #toTextEmbeds: Linear | undefined;
  readonly #toImageEmbeds: Linear | undefined;
  readonly #toTimeEmbeds: TimeEmbedding;
  readonly #conditioning: Conditioning;
  readonly #lastTokens: LastTokens;
  readonly #transformer: CausalTransformer;
  readonly #tokensBehindText: number;

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
    this.#tokensBehindText = numTimeEmbeds + numImageEmbeds + this.#lastTokens.count;
    this.#conditioning = conditioningOf(weights, options, dialect);
    const maxLength = maxTextTokens(options, dialect) + numTextEmbeds + this.#tokensBehindText;
    this.#transformer = new CausalTransformer(weights.at("causal_transformer"), options, maxLength, dialect);
  }

  /**
   * Uploads and computes what all passes of a run share. With a guidance `scale` other than 1, joins the conditions of both
   * halves of the guided batch. Guidance has no effect if a version's null prediction equals the conditional one. `inputs`
   * owns the result. Throws `ShapeError` for conditions that do not fit.
   */
  prepare(inputs: StepInputs, run: PriorRun, scale = 1): PreparedPrior {
    const { condition } = run;
    const canGuide = condition.negative !== undefined || this.#conditioning.canDrop;
    const guidance = canGuide && guides(scale) ? new Guidance(scale, this.#options.dim) : undefined;
    return inputs.hold(() => {
      const { batch, times, keep, ...texts } = guidance ? guided(run, guidance) : run;
      checkRun({ batch, condition: texts.condition, laterMask: texts.laterMask }, this.#options.dim);
      const { arena } = inputs;
      const kept = this.#conditioning.canDrop && keep ? keep : new Array<number>(batch).fill(1);
      const keepMask = arena.from(kept, [batch], "u32");
      const { textEmbed, textEncodings } = texts.condition;
      const text = this.#conditioning.prepare({
        textEncodings: textEncodings && cast(arena.share(textEncodings), arena.dtype),
        textMask: textEncodings && textMasks(inputs, texts, textEncodings.shape),
        textEmbeds: this.#toTokens(arena.share(textEmbed), this.#toTextEmbeds, this.#options.numTextEmbeds),
        keepText: keepMask,
      });
      return {
        run: { batch: run.batch, guidance },
        batch,
        times: this.#toTimeEmbeds.prepare(inputs, times),
        text,
        past: isMaskFixed(text) ? this.#past(text) : undefined,
        keepMask,
      };
    });
  }

  /** What is the same in every pass, because no token of the text sees a later one. */
  #past(text: PreparedText): PreparedPrior["past"] {
    const more = this.#tokensBehindText;
    const mask = this.#conditioning.keyMask(text, 0);
    return {
      layers: this.#transformer.prepare(concatTokens([...text.tokens]), more, mask),
      keyMask: this.#conditioning.keyMask(text, more),
    };
  }

  /**
   * The network's prediction in the current pass from the noised `imageEmbed` `[batch, dim]`: `[batch, dim]` in f32.
   * `selfCond` `[batch, dim]` is the last prediction, for networks with self-conditioning; default: zeros.
   */
  forward(imageEmbed: Tensor, prepared: PreparedPrior, selfCond?: Tensor): Tensor {
    const { batch, guidance } = prepared.run;
    const { dim } = this.#options;
    for (const [name, x] of Object.entries({ imageEmbed, selfCond })) {
      if (x && !sameShape(x.shape, [batch, dim])) throw new ShapeError("PriorNetwork", name, x.shape, [batch, dim]);
    }
    return imageEmbed.arena.scope(() => {
      if (!guidance) return cast(this.#predict(imageEmbed, prepared, selfCond), "f32");
      const previous = selfCond && guidance.double(selfCond);
      return guidance.guide(this.#predict(guidance.double(imageEmbed), prepared, previous));
    });
  }

  #predict(imageEmbed: Tensor, prepared: PreparedPrior, selfCond: Tensor | undefined): Tensor {
    const { batch, times, text, past, keepMask } = prepared;
    const { numTimeEmbeds, numImageEmbeds } = this.#options;
    const timeEmbeds = this.#toTokens(stepRow(times, batch), undefined, numTimeEmbeds);
    const image = this.#conditioning.image(this.#toTokens(imageEmbed, this.#toImageEmbeds, numImageEmbeds), keepMask);
    const previous = selfCond && this.#toTokens(selfCond, undefined, 1);
    const last = this.#lastTokens.forward(image, previous);
    const behind = [timeEmbeds, image, ...last];
    if (past) return this.#transformer.forward(concatTokens(behind), past.keyMask, past.layers);
    const keyMask = this.#conditioning.keyMask(text, this.#tokensBehindText);
    return this.#transformer.forward(concatTokens([...text.tokens, ...behind]), keyMask);
  }

  /** `[batch, dim]` to `count` tokens, by the linear layer if there is one. */
  #toTokens(embed: Tensor, spread: Linear | undefined, count: number): Tensor {
    const x = cast(embed, embed.arena.dtype);
    return splitChannels(spread?.forward(x) ?? x, count);
  }
}

/**
 * The run for both halves of guidance. The null half gets the negative text, or no condition.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1032-L1044
 */
function guided({ batch, times, condition, laterMask }: PriorRun, guidance: Guidance): PriorRun {
  const { textEmbed, textEncodings, textMask, negative } = condition;
  const other = negative ?? condition;
  return {
    batch: 2 * batch,
    times: times.map((time) => (typeof time === "number" ? time : [...time, ...time])),
    condition: {
      textEmbed: guidance.join(textEmbed, other.textEmbed),
      textEncodings: textEncodings && other.textEncodings && guidance.join(textEncodings, other.textEncodings),
      textMask: joinMasks(textMask, other.textMask),
    },
    laterMask: laterMask && joinMasks(laterMask, negative ? negative.textMask : laterMask),
    keep: Array.from({ length: 2 * batch }, (_, i) => (i < batch || negative ? 1 : 0)),
  };
}

/** The masks of a run on the GPU: for the first pass, and for the later ones if it differs. */
function textMasks(
  inputs: StepInputs,
  { condition: { textMask }, laterMask }: Pick<PriorRun, "condition" | "laterMask">,
  [batch = 0, length = 0]: readonly number[],
): StepRows | "nonZero" | undefined {
  if (typeof textMask !== "object") return textMask;
  const masks = typeof laterMask === "object" ? [textMask, laterMask] : [textMask];
  const rowOfPass = Array.from({ length: inputs.passes }, (_, pass) => Math.min(pass, masks.length - 1));
  return inputs.rows(masks.flat(2), [masks.length, batch, length], rowOfPass, "u32");
}

function joinMasks(a: TextMask | undefined, b: TextMask | undefined): TextMask | undefined {
  return typeof a === "object" && typeof b === "object" ? [...a, ...b] : a;
}

function checkRun(
  { batch, condition, laterMask }: Pick<PriorRun, "batch" | "condition" | "laterMask">,
  dim: number,
): void {
  const { textEmbed, textEncodings, textMask } = condition;
  if (!sameShape(textEmbed.shape, [batch, dim])) {
    throw new ShapeError("PriorNetwork", "textEmbed", textEmbed.shape, [batch, dim]);
  }
  if (!textEncodings) return;
  const [samples, length = 0] = textEncodings.shape;
  if (samples !== batch || textEncodings.channels !== dim) {
    throw new ShapeError("PriorNetwork", "textEncodings", textEncodings.shape, [batch, "length", dim]);
  }
  for (const mask of [textMask, laterMask]) if (typeof mask === "object") checkTextMask(mask, batch, length);
}

function checkTextMask(mask: Exclude<TextMask, string>, batch: number, length: number): void {
  const wrong = mask.find((row) => row.length !== length);
  if (mask.length !== batch || wrong) {
    throw new ShapeError("PriorNetwork", "textMask", [mask.length, wrong?.length ?? length], [batch, length]);
  }
}
