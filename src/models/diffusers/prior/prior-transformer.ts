import { Guidance, guides } from "../../../diffusion/guidance.js";
import { LayerNorm } from "../../../nn/layer-norm.js";
import { Linear } from "../../../nn/linear.js";
import { add } from "../../../ops/elementwise.js";
import { broadcastBatch, cast, concatTokens, padTokens, sliceTokens } from "../../../ops/layout.js";
import { ShapeError } from "../../../ops/shape-error.js";
import { sameShape } from "../../../ops/check.js";
import { stepRow, type PassTimes, type StepInputs, type StepRows } from "../../../ops/step-inputs.js";
import { stepTables } from "../../../ops/step-tables.js";
import { bytesPerElement } from "../../../tensor/dtype.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { TextMaskRows } from "../../interfaces.js";
import type { PriorOptions } from "../config/prior-config.js";
import { joinTimes } from "../guided-batch.js";
import { TimeEmbedding } from "../time-embedding.js";
import { TransformerBlock, type PastTokens } from "./transformer-block.js";

const NAME = "PriorTransformer";

/** The texts of a run. Tensors may be f32 or of the arena's dtype. */
export interface PriorCondition {
  /** `[batch, textEmbedDim]` */
  readonly textEmbed: Tensor;
  /** `[batch, length, embedDim]` */
  readonly textEncodings?: Tensor | undefined;
  /** For each sample 0 for each encoding to hide. Without it attention is not causal, either: every token sees all others. */
  readonly textMask?: TextMaskRows | undefined;
}

/** The inputs of a run that are the same in every pass, except the timestep. */
export interface PriorRun {
  readonly batch: number;
  readonly times: PassTimes;
  readonly condition: PriorCondition;
  /** The condition of the null half of guidance. Needed if the run is guided. */
  readonly negative?: PriorCondition | undefined;
  /** Tokens of a noised embedding. Default 1. */
  readonly tokens?: number | undefined;
}

/** A run of the network, ready for its first pass. */
export interface PreparedPrior {
  readonly run: { readonly batch: number; readonly tokens: number; readonly guidance: Guidance | undefined };
  /** Batch size for the network: twice that of the run if it is guided. */
  readonly batch: number;
  /** The embeddings of the timesteps. */
  readonly times: StepRows;
  /** The tokens of the text, `[batch, *, inner]`: its encodings and its embedding. */
  readonly text: Tensor;
  /** The embedding of each position, `[1, length, inner]`. */
  readonly positions: Tensor;
  /** u32 `[batch, length]`: 0 to hide a token. */
  readonly keyMask: Tensor | undefined;
  /** The text as the blocks see it, if attention is causal: then no later token changes it. */
  readonly past: readonly PastTokens[] | undefined;
}

/**
 * The network of a prior (`PriorTransformer` of diffusers): a transformer over text encodings, text embedding, timestep
 * and noised image embedding, which predicts x0.
 *
 * The reference hides a token by adding -10000 to its score, and a later token as well. Its softmax in f32 is then exactly 0
 * for hidden tokens, as here, unless a row hides all tokens up to itself. Such a row begins with hidden encodings, and is
 * hidden from every row that sees any token. The prediction is read at rows that see themselves, so it does not depend on it.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/transformers/prior_transformer.py#L71-L322
 */
export class PriorTransformer {
  readonly #options: PriorOptions;
  readonly #inner: number;
  readonly #time: TimeEmbedding;
  readonly #projIn: Linear;
  readonly #textEmbedNorm: LayerNorm | undefined;
  readonly #textEmbedProj: Linear;
  readonly #textEncodingsProj: Linear | undefined;
  /** `[1, rows, inner]` */
  readonly #positions: Tensor;
  /** `[1, 1, inner]` */
  readonly #predictionToken: Tensor | undefined;
  readonly #blocks: readonly TransformerBlock[];
  readonly #normIn: LayerNorm | undefined;
  readonly #normOut: LayerNorm;
  readonly #projOut: Linear;
  readonly #mean: HostTensor;
  readonly #std: HostTensor;

  /** Declares the weights. */
  constructor(weights: Weights, options: PriorOptions) {
    const { heads, dimHead, embedDim, textEmbedDim, outputDim, timeActivation: activation } = options;
    const inner = heads * dimHead;
    this.#options = options;
    this.#inner = inner;
    const time = { features: inner, hidden: options.timeDim, outputs: inner, activation };
    this.#time = new TimeEmbedding(weights.at("time_embedding"), time);
    this.#projIn = new Linear(weights.at("proj_in"), embedDim, inner);
    if (options.normTextEmbed) this.#textEmbedNorm = new LayerNorm(weights.at("embedding_proj_norm"), textEmbedDim);
    this.#textEmbedProj = new Linear(weights.at("embedding_proj"), textEmbedDim, inner);
    if (options.projectsText) {
      this.#textEncodingsProj = new Linear(weights.at("encoder_hidden_states_proj"), embedDim, inner);
    }
    const rows = options.textTokens + options.additionalTokens;
    this.#positions = weights.table("positional_embedding", [1, rows, inner]);
    if (options.hasPredictionToken) this.#predictionToken = weights.table("prd_embedding", [1, 1, inner]);
    const blocks = weights.at("transformer_blocks");
    this.#blocks = Array.from({ length: options.layers }, (_, i) => new TransformerBlock(blocks.at(i), heads, dimHead));
    if (options.normIn) this.#normIn = new LayerNorm(weights.at("norm_in"), inner);
    this.#normOut = new LayerNorm(weights.at("norm_out"), inner);
    this.#projOut = new Linear(weights.at("proj_to_clip_embeddings"), inner, outputDim);
    this.#mean = weights.values("clip_mean", [1, outputDim]);
    this.#std = weights.values("clip_std", [1, outputDim]);
  }

  /**
   * Uploads and computes what all passes of a run share. With a guidance `scale` other than 1, joins the conditions of both
   * halves of the guided batch. `inputs` owns the result. Throws `ShapeError` for conditions that do not fit.
   */
  prepare(inputs: StepInputs, run: PriorRun, scale = 1): PreparedPrior {
    const guidance = guides(scale) ? new Guidance(scale, this.#options.outputDim) : undefined;
    return inputs.hold(() => {
      const { batch, times, condition, tokens = 1 } = guidance ? guided(run, guidance) : run;
      this.#check(batch, condition);
      const text = this.#text(condition, inputs);
      const length = text.shape[1]! + 1 + tokens + (this.#predictionToken ? 1 : 0);
      const positions = this.#positionsOf(inputs, length, text.shape[1]!);
      const keyMask = this.#keyMask(inputs, condition, length);
      const textMask = keyMask && this.#keyMask(inputs, condition, length, text.shape[1]);
      return {
        run: { batch: run.batch, tokens, guidance },
        batch,
        times: this.#times(inputs, times),
        text,
        positions,
        keyMask,
        past: textMask && this.#past(text, positions, textMask),
      };
    });
  }

  /** The embeddings of all timesteps, `[rows, samples, inner]`. */
  #times(inputs: StepInputs, times: PassTimes): StepRows {
    const rows = this.#time.prepare(inputs, times);
    const bytesPerRow = rows.rows.shape[1]! * this.#inner * bytesPerElement(inputs.arena.dtype);
    return stepTables(inputs, rows, { bytesPerRow, compute: (each) => [this.#time.forward(each)] })[0]!;
  }

  /** What is the same in every pass of a causal transformer. */
  #past(text: Tensor, positions: Tensor, keyMask: Tensor): readonly PastTokens[] {
    const [count, length] = [text.shape[1]!, positions.shape[1]!];
    return text.arena.scope(() => {
      let h = this.#embedded(text, sliceTokens(positions, 0, count));
      return this.#blocks.map((block, i) => {
        const past = block.prepare(h, length - count);
        // Nothing reads the output at these tokens.
        if (i < this.#blocks.length - 1) h = block.forward(h, keyMask);
        return past;
      });
    });
  }

  #embedded(tokens: Tensor, positions: Tensor): Tensor {
    const h = add(tokens, positions);
    return this.#normIn?.forward(h) ?? h;
  }

  /**
   * The prediction in the current pass from the noised embedding `x` `[batch, embedDim]` (or `[batch, tokens, embedDim]`):
   * f32 `[batch, outputDim]`, and without a learned last token `[batch, tokens, outputDim]`.
   */
  forward(x: Tensor, prepared: PreparedPrior): Tensor {
    const { batch, tokens, guidance } = prepared.run;
    const shape = x.shape.length === 2 ? [batch, this.#options.embedDim] : [batch, tokens, this.#options.embedDim];
    if (!sameShape(x.shape, shape) || (x.shape.length === 2 && tokens !== 1)) {
      throw new ShapeError(`${NAME}.forward`, "x", x.shape, [batch, tokens, this.#options.embedDim]);
    }
    return x.arena.scope(() => {
      const rows = x.reshape([batch, tokens, x.channels]);
      if (!guidance) return cast(this.#predict(rows, prepared), "f32");
      return guidance.guide(this.#predict(guidance.double(rows), prepared));
    });
  }

  /** Scales predicted embeddings, row by row, to those of CLIP: x · clip_std + clip_mean in f32. */
  unnormalize(embeddings: Float32Array): Float32Array {
    const { outputDim } = this.#options;
    const [mean, std] = [this.#mean.data, this.#std.data];
    return embeddings.map((value, i) => Math.fround(value * std[i % outputDim]!) + mean[i % outputDim]!);
  }

  #predict(x: Tensor, { batch, times, text, positions, keyMask, past }: PreparedPrior): Tensor {
    const { arena } = x;
    return arena.scope(() => {
      const time = stepRow(times, batch).reshape([batch, 1, this.#inner]);
      const noised = this.#projIn.forward(cast(x, arena.dtype));
      const last = this.#predictionToken ? [broadcastBatch(arena.share(this.#predictionToken), batch)] : [];
      const behind = [time, noised, ...last];
      let h = past
        ? this.#embedded(concatTokens(behind), sliceTokens(positions, text.shape[1]!, positions.shape[1]!))
        : this.#embedded(concatTokens([text, ...behind]), positions);
      for (const [i, block] of this.#blocks.entries()) h = block.forward(h, keyMask, past?.[i]);
      const [, length] = h.shape as [number, number, number];
      const from = this.#predictionToken ? length - 1 : length - x.shape[1]!;
      const read = this.#projOut.forward(this.#normOut.forward(sliceTokens(h, from, length)));
      return this.#predictionToken ? read.reshape([batch, read.channels]) : read;
    });
  }

  /** The tokens of the text. */
  #text({ textEmbed, textEncodings }: PriorCondition, { arena }: StepInputs): Tensor {
    return arena.scope(() => {
      const given = cast(arena.share(textEmbed), arena.dtype);
      const embed = this.#textEmbedProj.forward(this.#textEmbedNorm?.forward(given) ?? given);
      const token = embed.reshape([embed.shape[0]!, 1, this.#inner]);
      if (!textEncodings) return token;
      const encodings = cast(arena.share(textEncodings), arena.dtype);
      return concatTokens([this.#textEncodingsProj?.forward(encodings) ?? encodings, token]);
    });
  }

  /** The embedding of each position of a sequence. A table that is too short is for the tokens of the noised embedding. */
  #positionsOf({ arena }: StepInputs, length: number, textTokens: number): Tensor {
    const rows = this.#positions.shape[1]!;
    const before = textTokens + 1;
    const behind = this.#predictionToken ? 1 : 0;
    if (rows === length) return arena.share(this.#positions);
    if (rows + before + behind !== length) {
      throw new ShapeError(
        `${NAME}.prepare`,
        "condition",
        `a sequence of ${length} tokens`,
        `${rows}, as many as there are positional embeddings`,
      );
    }
    return arena.scope(() => {
      const zeros = arena.from(new Float32Array(before * this.#inner), [1, before, this.#inner]);
      return padTokens(concatTokens([zeros, arena.share(this.#positions)]), length);
    });
  }

  /** The mask of the first `tokens` of a sequence. */
  #keyMask({ arena }: StepInputs, { textMask }: PriorCondition, length: number, tokens = length): Tensor | undefined {
    if (!textMask) return undefined;
    const { textTokens, additionalTokens } = this.#options;
    if (length !== textTokens + additionalTokens || textMask.some((row) => row.length !== textTokens)) {
      const got = [textMask.length, textMask[0]?.length ?? 0];
      throw new ShapeError(`${NAME}.prepare`, "textMask", got, [textMask.length, textTokens]);
    }
    const visible = new Array<number>(additionalTokens).fill(1);
    return arena.from(
      textMask.flatMap((row) => [...row.map((one) => Number(one !== 0)), ...visible].slice(0, tokens)),
      [textMask.length, tokens],
      "u32",
    );
  }

  #check(batch: number, { textEmbed, textEncodings, textMask }: PriorCondition): void {
    const { textEmbedDim, embedDim, projectsText } = this.#options;
    const fail = (argument: string, got: readonly number[] | string, expected: readonly (number | string)[]): never => {
      throw new ShapeError(`${NAME}.prepare`, argument, got, expected);
    };
    if (!sameShape(textEmbed.shape, [batch, textEmbedDim])) fail("textEmbed", textEmbed.shape, [batch, textEmbedDim]);
    const width = projectsText ? embedDim : this.#inner;
    if (!textEncodings && projectsText) fail("textEncodings", "absent", [batch, "length", width]);
    if (textEncodings && !sameShape(textEncodings.shape, [batch, textEncodings.shape[1] ?? 0, width])) {
      fail("textEncodings", textEncodings.shape, [batch, "length", width]);
    }
    if (textMask && textMask.length !== batch) fail("textMask", [textMask.length], [batch]);
  }
}

/** The run for both halves of guidance: the conditional half first. */
function guided({ batch, times, condition, negative, tokens }: PriorRun, guidance: Guidance): PriorRun {
  if (!negative) throw new ShapeError(`${NAME}.prepare`, "negative", "absent", "the condition of the null half");
  return {
    batch: 2 * batch,
    times: joinTimes(times),
    condition: {
      textEmbed: guidance.join(condition.textEmbed, negative.textEmbed),
      textEncodings: condition.textEncodings && guidance.join(condition.textEncodings, negative.textEncodings),
      textMask: joinMasks(condition.textMask, negative.textMask),
    },
    tokens,
  };
}

/** The masks of both halves: attention differs without one. Throws `ShapeError` if only one half has a mask. */
function joinMasks(conditional?: TextMaskRows, other?: TextMaskRows): TextMaskRows | undefined {
  if (!conditional && !other) return undefined;
  if (conditional && other) return [...conditional, ...other];
  throw new ShapeError("guidance", "mask", "a mask for one half", "a mask for both halves, or none");
}
