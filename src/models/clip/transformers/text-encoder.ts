import { ConfigError, parseConfig } from "../../../config/config-error.js";
import { cast } from "../../../ops/layout.js";
import type { Arena } from "../../../tensor/arena.js";
import type { ClipTokenizer } from "../../../tokenizer/clip-tokenizer.js";
import type { TooLongOptions } from "../../../tokenizer/prompt-too-long.js";
import type { Weights } from "../../../weights/store.js";
import type { TextEmbedding, TextEncoder } from "../../interfaces.js";
import { textModelConfig } from "../config/transformers-clip-config.js";
import { textOfTransformers, TRANSFORMERS } from "../stated-clip.js";
import { fittedRows } from "../text-input.js";
import { TextTransformer, type TextTransformerOptions } from "../text-transformer.js";
import { modelConfig } from "./model-config.js";

/**
 * The options in the `config.json` of a `CLIPTextModelWithProjection` or, without `projects`, of a `CLIPTextModel`; `file` is its
 * name. Throws `ConfigError`.
 */
export function textModelOptions(value: unknown, file: string, projects = true): TextTransformerOptions {
  const config = parseConfig(textModelConfig, modelConfig(value, "text_config"), file);
  const { heads = TRANSFORMERS.textHeads, activation, eps, pooling } = textOfTransformers(config);
  return {
    embedDim: projects ? config.projection_dim : config.hidden_size,
    contextLength: config.max_position_embeddings,
    vocabSize: config.vocab_size,
    text: {
      width: config.hidden_size,
      layers: config.num_hidden_layers,
      heads,
      mlpWidth: config.intermediate_size,
      activation,
      eps,
      layerScale: false,
      causal: true,
      pooling,
      projection: projects ? "matrix" : "none",
    },
  };
}

/** How an encoder's texts become rows of tokens. */
export interface TextEncoderTokens {
  readonly tokenizer: ClipTokenizer;
  /** Most tokens of a text. */
  readonly maxLength: number;
}

/**
 * `CLIPTextModelWithProjection` of the transformers library, or `CLIPTextModel`, with the tokenizer of its pipeline. Text embeddings
 * do not have unit length; without a projection they are the encoding of the last token. Text encodings are those of padding too,
 * which the encoder sees like text.
 * @see https://github.com/huggingface/transformers/blob/d6751d91c8f58cdeb35af6adae182d7dc90aa883/src/transformers/models/clip/modeling_clip.py#L1351-L1430
 */
export class TransformersTextEncoder implements TextEncoder {
  readonly contextLength: number;
  readonly dimLatent: number;
  readonly tokenization = "openai";
  readonly #tokenizer: ClipTokenizer;
  readonly #vocabSize: number;
  readonly #transformer: TextTransformer;

  /** `weights` have OpenAI's names: see `fromTransformers`. */
  constructor(weights: Weights, options: TextTransformerOptions, { tokenizer, maxLength }: TextEncoderTokens) {
    this.contextLength = Math.min(options.contextLength, maxLength);
    this.dimLatent = options.embedDim;
    this.#tokenizer = tokenizer;
    this.#vocabSize = options.vocabSize;
    this.#transformer = new TextTransformer(weights, options);
  }

  /** Throws `ConfigError` if a text has a token that the encoder does not have. */
  tokenize(texts: readonly string[], options: Pick<TooLongOptions, "warn"> = {}): Int32Array[] {
    const rows = this.#tokenizer.tokenize(texts, this.contextLength, options);
    const highest = Math.max(this.#tokenizer.padding, ...rows.map((row) => Math.max(...row)));
    if (highest < this.#vocabSize) return rows;
    throw new ConfigError(`The tokenizer has a token ${highest}, but the text encoder has ${this.#vocabSize} tokens.`, {
      advice: "check that both are from the same model",
    });
  }

  async embedText(
    arena: Arena,
    tokens: readonly Int32Array[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<TextEmbedding> {
    const length = this.contextLength;
    const rows = await this.#transformer.read(arena, fittedRows(tokens, length, this.#tokenizer.padding), signal);
    const textMask = tokens.map((row) => Array.from({ length }, (_, i) => Number(i < row.length)));
    return arena.scope(() => {
      const { projected, encodings } = this.#transformer.forward(arena, rows);
      return { textEmbed: cast(projected, "f32"), textEncodings: encodings, textMask };
    });
  }
}
