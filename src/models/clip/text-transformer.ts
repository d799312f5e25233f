import { LayerNorm } from "../../nn/layer-norm.js";
import { Linear } from "../../nn/linear.js";
import { add } from "../../ops/elementwise.js";
import { embedding } from "../../ops/embedding.js";
import { sliceTokens } from "../../ops/layout.js";
import { linear } from "../../ops/linear.js";
import type { Arena } from "../../tensor/arena.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { TableReader, Weights } from "../../weights/store.js";
import type { OpenAiClipOptions, TextPooling } from "./openai-options.js";
import { readEmbeddings } from "./text-input.js";
import { Transformer } from "./transformer.js";

export type TextTransformerOptions = Pick<OpenAiClipOptions, "embedDim" | "contextLength" | "vocabSize" | "text">;

/** Rows of tokens of one length, and the embeddings of their tokens. */
export interface TextRows {
  readonly texts: readonly Int32Array[];
  /** `[texts · length, width]` */
  readonly embeddings: Float32Array;
}

export interface TransformedText {
  /** The projection of each text's pooled token, `[texts, embedDim]`. */
  readonly projected: Tensor;
  /** Every token after the last norm, `[texts, length, width]`. */
  readonly encodings: Tensor;
}

/**
 * The text encoder of OpenAI's CLIP (openai/CLIP, clip/model.py), with its names.
 * @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/model.py#L243-L372
 */
export class TextTransformer {
  readonly #options: TextTransformerOptions;
  readonly #tokenEmbedding: TableReader;
  readonly #positions: Tensor;
  readonly #transformer: Transformer;
  readonly #normFinal: LayerNorm;
  readonly #project: (pooled: Tensor) => Tensor;

  constructor(weights: Weights, options: TextTransformerOptions) {
    const { contextLength, vocabSize, text } = options;
    const { width } = text;
    this.#options = options;
    // A prompt needs only a few rows, and the whole table is larger than some adapters can bind.
    this.#tokenEmbedding = weights.at("token_embedding").rows("weight", [vocabSize, width]);
    this.#positions = weights.table("positional_embedding", [1, contextLength, width], {
      fileShape: [contextLength, width],
    });
    this.#transformer = new Transformer(weights.at("transformer"), text);
    this.#normFinal = new LayerNorm(weights.at("ln_final"), width, { eps: text.eps });
    this.#project = projectionOf(weights, options);
  }

  /** Reads the embeddings of rows of tokens from the file; zeros in a dry run. */
  async read(arena: Arena, texts: readonly Int32Array[], signal: AbortSignal | undefined): Promise<TextRows> {
    return { texts, embeddings: await readEmbeddings(arena, this.#tokenEmbedding, texts, signal) };
  }

  /** Encodes rows of at most `contextLength` tokens. */
  forward(arena: Arena, { texts, embeddings }: TextRows): TransformedText {
    const { width, pooling } = this.#options.text;
    const length = texts[0]?.length ?? this.#options.contextLength;
    return arena.scope(() => {
      const tokens = add(arena.from(embeddings, [texts.length, length, width]), this.#positionsOf(arena, length));
      const encodings = this.#normFinal.forward(this.#transformer.forward(tokens));
      const places = texts.map((text, i) => i * length + pooledIndex(text, pooling));
      const pooled = embedding(encodings.reshape([texts.length * length, width]), places);
      return { projected: this.#project(pooled), encodings };
    });
  }

  #positionsOf(arena: Arena, length: number): Tensor {
    const positions = this.#positions;
    return length === this.#options.contextLength ? positions : sliceTokens(arena.share(positions), 0, length);
  }
}

/** From the pooled token of a text to its embedding. */
function projectionOf(weights: Weights, { text, embedDim }: TextTransformerOptions): (pooled: Tensor) => Tensor {
  const { width, projection } = text;
  switch (projection) {
    case "none":
      return (pooled) => pooled;
    case "linear": {
      const layer = new Linear(weights.at("text_projection"), width, embedDim);
      return (pooled) => layer.forward(pooled);
    }
    case "matrix": {
      const matrix = weights.matrix("text_projection", [width, embedDim]);
      return (pooled) => linear(pooled, matrix);
    }
  }
}

/** Index of the pooled token of a text. */
function pooledIndex(text: Int32Array, pooling: TextPooling): number {
  switch (pooling.kind) {
    case "highest":
      return text.indexOf(Math.max(...text));
    case "token":
      return Math.max(0, text.indexOf(pooling.token));
    case "first":
      return 0;
    case "last":
      return text.length - 1;
  }
}
