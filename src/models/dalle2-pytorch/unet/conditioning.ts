import { LayerNorm } from "../../../nn/layer-norm.js";
import { JoinedLayers } from "../../../nn/joined-layers.js";
import { activate } from "../../../ops/elementwise.js";
import { concatTokens, writeTokens } from "../../../ops/layout.js";
import { ShapeError } from "../../../ops/shape-error.js";
import { stepRow, writeStepTokens, type PassTimes, type StepInputs, type StepRows } from "../../../ops/step-inputs.js";
import { addToRows, stepTables } from "../../../ops/step-tables.js";
import { bytesPerElement } from "../../../tensor/dtype.js";
import type { Tensor, TensorArena } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { Architecture } from "./architecture.js";
import { ImageCondition } from "./image-condition.js";
import type { TextMask } from "../text-mask.js";
import { TextCondition } from "./text-condition.js";
import { TimeCondition } from "./time-condition.js";

/** The condition of a U-Net, besides the time. It uses what it was trained with and ignores the rest. */
export interface UnetCondition {
  /** CLIP image embedding `[B, imageEmbedDim]`. */
  readonly imageEmbed?: Tensor | undefined;
  /** CLIP text encodings `[B, L, textEmbedDim]`; rows of zeros are padding. */
  readonly textEncodings?: Tensor | undefined;
  /** Which of them are text: for versions before 0.21.1, which treat rows of zeros as text. */
  readonly textMask?: TextMask | undefined;
  /** The smaller image `[B, H, W, channels]` in [-1, 1], already resized for this U-Net. */
  readonly lowresCondImg?: Tensor | undefined;
  /** Noise level of `lowresCondImg` for each sample, in steps of 1000. */
  readonly lowresNoiseLevel?: readonly number[] | undefined;
  /** The negative condition of guidance, in place of the null embeddings. Fields that are left out stay null. */
  readonly negative?: NegativeCondition | undefined;
}

/** The condition of the null branch of guidance. */
export type NegativeCondition = Pick<UnetCondition, "imageEmbed" | "textEncodings" | "textMask">;

/** For each sample 1 to keep a condition, or 0 to replace it by its null embedding (Ho & Salimans 2022). */
export interface Keep {
  readonly image: readonly number[];
  readonly text: readonly number[];
  /** Number of batches, one after the other, each of which is a batch in the reference. Default 1. */
  readonly branches?: number;
}

/** The inputs of a run that are the same in every pass, except the time. */
export interface UnetRun {
  readonly batch: number;
  readonly times: PassTimes;
  readonly condition: UnetCondition;
  /** Default: all conditions are kept. */
  readonly keep?: Keep | undefined;
}

/** What the layers read, computed before the first pass. */
export interface PreparedConditions {
  readonly batch: number;
  /**
   * `[B, timeCondDim]`, added to the time. No pass reads them; they are here because tensors of the result live as long as the
   * run, and `modulations` may be computed from them again before a later pass (`stepTables`).
   */
  readonly vectors: readonly (Tensor | undefined)[];
  /** What the time and the vectors of the conditions give residual blocks, `[rows, samples, *]`. */
  readonly modulations: StepRows;
  readonly contexts: Readonly<Record<SeenTokens, PreparedContext | undefined>>;
}

/** The keys and values of all cross-attentions that see the same tokens, side by side. */
interface PreparedContext {
  /** `[B, L, *]`: of the tokens of the time, then of those of the conditions, which are the same in every pass. */
  readonly keysAndValues: Tensor;
  /** Those of the time. */
  readonly ofTime: StepRows;
}

/** Conditions in the form that the layers take. */
export interface Conditions {
  /** `[B, *]`: what each residual block gets of the time, side by side. */
  readonly modulations: Tensor;
  /** The keys and values `[B, L, *]` of the cross-attentions, side by side. */
  readonly contexts: Readonly<Record<SeenTokens, Tensor | undefined>>;
}

/** Which tokens a cross-attention sees: those of time and image, or these and the text. */
export type SeenTokens = "withoutText" | "withText";

const SEEN: readonly SeenTokens[] = ["withoutText", "withText"];

/** The layers that read nothing but time and conditions. They are computed once per run, not in each pass. */
export class ConditionLayers {
  /** They give residual blocks what they get of the time. */
  readonly modulations = new JoinedLayers();
  /** They give cross-attentions their keys and values. */
  readonly contexts: Readonly<Record<SeenTokens, JoinedLayers>> = {
    withoutText: new JoinedLayers(),
    withText: new JoinedLayers(),
  };
}

/** A U-Net whose layers are being declared. */
export interface DeclaredUnet extends Architecture {
  readonly layers: ConditionLayers;
}

/**
 * Turns the condition of a U-Net into a vector and tokens.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2205-L2309
 */
export class Conditioning {
  readonly #time: TimeCondition;
  readonly #image: ImageCondition | undefined;
  readonly #text: TextCondition | undefined;
  readonly #layers: ConditionLayers;
  readonly #norms: Readonly<Record<SeenTokens, LayerNorm>>;

  constructor(weights: Weights, unet: DeclaredUnet) {
    this.#layers = unet.layers;
    const { imageEmbedDim, textEmbedDim, condDim } = unet;
    this.#time = new TimeCondition(weights, unet);
    if (unet.condOnImageEmbeds && imageEmbedDim !== null) {
      this.#image = new ImageCondition(weights, imageEmbedDim, unet);
    }
    if (unet.condOnTextEncodings && textEmbedDim !== null) {
      this.#text = new TextCondition(weights, textEmbedDim, unet);
    }
    // The reference has these parameters even if it does not use them.
    if (!this.#image) weights.ignore("null_image_embed");
    if (!this.#image || unet.imageCondition.vector !== "nulled") weights.ignore("null_image_hiddens");
    if (!this.#text) weights.ignore("null_text_embed");
    this.#norms = {
      withoutText: new LayerNorm(weights.at("norm_cond"), condDim),
      withText: new LayerNorm(weights.at("norm_mid_cond"), condDim),
    };
  }

  /** Uploads and computes what all passes of a run share. */
  prepare(inputs: StepInputs, run: UnetRun): PreparedConditions {
    const { batch, times, condition } = run;
    const time = this.#time.prepare(inputs, batch, times, condition.lowresNoiseLevel);
    const { image, text } = this.#embed(inputs.arena, run);
    const [, samples = 1] = time.sinusoids.rows.shape;
    const vectors = [time.lowresNoise, image?.vector];
    const seen = SEEN.filter((which) => this.#layers.contexts[which].width > 0);
    const [modulations, ...keys] = stepTables(inputs, time.sinusoids, {
      bytesPerRow: this.#bytesPerRow(samples, vectors.some((one) => one !== undefined) ? batch : samples, inputs.arena),
      compute: (rows) => this.#timeTables(rows, vectors, seen),
    });
    const tokens = { withoutText: [image?.tokens], withText: [image?.tokens, text] };
    const contextOf = (which: SeenTokens): PreparedContext | undefined => {
      const ofTime = keys[seen.indexOf(which)];
      return ofTime && { keysAndValues: this.#context(which, batch, tokens[which], inputs.arena), ofTime };
    };
    return {
      batch,
      vectors,
      modulations: modulations!,
      contexts: { withoutText: contextOf("withoutText"), withText: contextOf("withText") },
    };
  }

  #embed(arena: TensorArena, { batch, condition, keep = keepAll(batch) }: UnetRun) {
    const { imageEmbed, textEncodings, textMask } = condition;
    if (this.#image && !imageEmbed) {
      throw new ShapeError("Unet.prepare", "imageEmbed", "absent", [batch, "imageEmbedDim"]);
    }
    const mask = (values: readonly number[]): Tensor => arena.from(values, [batch], "u32");
    return arena.scope(() => ({
      image: imageEmbed && this.#image?.forward(arena.share(imageEmbed), mask(keep.image), keep.branches ?? 1),
      text: textEncodings && this.#text?.forward(arena.share(textEncodings), textMask, mask(keep.text)),
    }));
  }

  /** Bytes of `#timeTables` for one time: `samples` of tokens, `batch` of vectors. */
  #bytesPerRow(samples: number, batch: number, { dtype }: TensorArena): number {
    const { modulations, contexts } = this.#layers;
    const keys = (contexts.withoutText.width + contexts.withText.width) * this.#time.tokens;
    return (batch * modulations.width + samples * keys) * bytesPerElement(dtype);
  }

  /**
   * From sinusoids `[n, samples, dim]` to what residual blocks get, `[n, samples, *]`, and to the keys and values of the tokens
   * of the time, `[n, samples, *]`, for the cross-attentions of each kind in `seen`. `vectors` `[B, timeCondDim]` are added to
   * the time.
   */
  #timeTables(
    sinusoids: Tensor,
    vectors: readonly (Tensor | undefined)[],
    seen: readonly SeenTokens[],
  ): readonly Tensor[] {
    const [count, samples] = sinusoids.shape as [number, number];
    const { modulations, contexts } = this.#layers;
    return sinusoids.arena.scope(() => {
      const { vectors: times, tokens } = this.#time.embed(sinusoids);
      const time = activate(vectors.reduce(addToRows, times), "silu");
      const keys = seen.map((which) => {
        const layers = contexts[which];
        return layers
          .forward(this.#norms[which].forward(tokens))
          .reshape([count, samples, this.#time.tokens * layers.width]);
      });
      return [modulations.forward(time), ...keys];
    });
  }

  /** Keys and values `[batch, L, *]` of the tokens of conditions, with room for those of the time before them. */
  #context(which: SeenTokens, batch: number, conditions: readonly (Tensor | undefined)[], arena: TensorArena): Tensor {
    const given = conditions.filter((tokens) => tokens !== undefined);
    const layers = this.#layers.contexts[which];
    const start = this.#time.tokens;
    return arena.scope(() => {
      if (given.length === 0) return arena.empty([batch, start, layers.width]);
      const tokens = concatTokens(given);
      const context = arena.empty([batch, start + tokens.shape[1]!, layers.width]);
      writeTokens(context, layers.forward(this.#norms[which].forward(tokens)), start);
      return context;
    });
  }

  /** The conditions in the current pass. */
  forward({ batch, modulations, contexts }: PreparedConditions): Conditions {
    const current = (context: PreparedContext | undefined): Tensor | undefined => {
      if (context) writeStepTokens(context.keysAndValues, context.ofTime, 0);
      return context?.keysAndValues;
    };
    return {
      modulations: stepRow(modulations, batch),
      contexts: { withoutText: current(contexts.withoutText), withText: current(contexts.withText) },
    };
  }
}

function keepAll(batch: number): Keep {
  const all = new Array<number>(batch).fill(1);
  return { image: all, text: all };
}
