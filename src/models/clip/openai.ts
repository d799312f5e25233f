import { LayerNorm } from "../../nn/layer-norm.js";
import { Linear } from "../../nn/linear.js";
import { add, multiply } from "../../ops/elementwise.js";
import { embedding } from "../../ops/embedding.js";
import { cast } from "../../ops/layout.js";
import { linear } from "../../ops/linear.js";
import type { Arena } from "../../tensor/arena.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { TableReader, Weights } from "../../weights/store.js";
import type { TextEmbedding } from "../interfaces.js";
import type { ClipModel, ClipWeights } from "./clip-model.js";
import { sizedImage } from "./image-input.js";
import { ModifiedResNet } from "./modified-resnet.js";
import type { OpenAiClipOptions, TextPooling } from "./openai-options.js";
import { fittedRows, readEmbeddings, unitEmbedding, zeroPadding } from "./text-input.js";
import { notZero, textMasks, type ClipDialect, type MaskOfTokens } from "./text-mask.js";
import { Transformer } from "./transformer.js";
import { VisionTransformer } from "./vision-transformer.js";

/** The token at the end of a text. Adapters keep the tokens before it. */
const END_TOKEN = 49407;

/**
 * OpenAI's CLIP (Radford et al. 2021; openai/CLIP, clip/model.py), and open_clip's with the same architecture, through the
 * adapters of DALLE2-pytorch: embeddings have unit length, and text encodings are zero where there is no text.
 * @see https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/model.py#L243-L372
 * @see https://github.com/mlfoundations/open_clip/blob/30573618fc375b12f094ef64cb3a1391cf611c45/src/open_clip/model.py#L265-L479
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L307-L376
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L378-L451
 */
export class OpenAiClip implements ClipModel {
  readonly imageSize: number;
  readonly contextLength: number;
  readonly dimLatent: number;
  readonly tokenization = "openai";
  readonly #options: OpenAiClipOptions;
  readonly #textMask: MaskOfTokens;
  readonly #tokenEmbedding: TableReader;
  readonly #positions: Tensor;
  readonly #transformer: Transformer;
  readonly #normFinal: LayerNorm;
  readonly #projectText: (pooled: Tensor) => Tensor;
  readonly #visual: VisionTransformer | ModifiedResNet;

  constructor({ text: weights, image }: ClipWeights, options: OpenAiClipOptions, dialect: ClipDialect) {
    const { embedDim, contextLength, vocabSize, text, vision } = options;
    const { width } = text;
    this.imageSize = vision.resolution;
    this.contextLength = contextLength;
    this.dimLatent = embedDim;
    this.#options = options;
    this.#textMask = textMasks[dialect.clipTextMask];
    // A prompt needs only a few rows, and the whole table is larger than some adapters can bind.
    this.#tokenEmbedding = weights.at("token_embedding").rows("weight", [vocabSize, width]);
    this.#positions = weights.table("positional_embedding", [1, contextLength, width], {
      fileShape: [contextLength, width],
    });
    this.#transformer = new Transformer(weights.at("transformer"), text);
    this.#normFinal = new LayerNorm(weights.at("ln_final"), width, { eps: text.eps });
    this.#projectText = projectionOf(weights, options);
    const visual = image.at("visual");
    this.#visual =
      vision.kind === "vit"
        ? new VisionTransformer(visual, vision, embedDim)
        : new ModifiedResNet(visual, vision, embedDim);
    // Temperature and bias of training, a causal mask, and values in TorchScript archives that shapes have too.
    weights.ignore("logit_scale", "logit_bias", "attn_mask", "input_resolution", "context_length", "vocab_size");
  }

  async embedText(
    arena: Arena,
    tokens: readonly Int32Array[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<TextEmbedding> {
    const texts = fittedRows(tokens, this.contextLength);
    return this.#encodeText(arena, texts, await readEmbeddings(arena, this.#tokenEmbedding, texts, signal));
  }

  embedImage(image: Tensor): Tensor {
    const { arena } = image;
    return arena.scope(() => {
      const normalised = this.#normalised(sizedImage(image, this.imageSize, 3));
      return unitEmbedding(this.#visual.forward(cast(normalised, arena.dtype)));
    });
  }

  #normalised(image: Tensor): Tensor {
    const { imageMean, imageStd } = this.#options;
    const scale = imageStd.map((std) => 1 / std);
    const shift = imageMean.map((mean, c) => -mean * scale[c]!);
    const { arena } = image;
    return add(multiply(image, arena.from(scale, [3], "f32")), arena.from(shift, [3], "f32"));
  }

  #encodeText(arena: Arena, texts: readonly Int32Array[], tokenRows: Float32Array): TextEmbedding {
    const { width, pooling } = this.#options.text;
    return arena.scope(() => {
      const tokens = add(arena.from(tokenRows, [texts.length, this.contextLength, width]), this.#positions);
      const x = this.#normFinal.forward(this.#transformer.forward(tokens));
      const places = texts.map((text, i) => i * this.contextLength + pooledIndex(text, pooling));
      const pooled = embedding(x.reshape([texts.length * this.contextLength, width]), places);
      const masks = texts.map((text) => this.#textMask(text, END_TOKEN));
      return {
        textEmbed: unitEmbedding(this.#projectText(pooled)),
        textEncodings: zeroPadding(x, masks),
        textMask: texts.map(notZero),
      };
    });
  }
}

/** From the pooled token of a text to its embedding. */
function projectionOf(weights: Weights, { text, embedDim }: OpenAiClipOptions): (pooled: Tensor) => Tensor {
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
