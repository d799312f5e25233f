import { LayerNorm } from "../../nn/layer-norm.js";
import { add, multiply } from "../../ops/elementwise.js";
import { embedding } from "../../ops/embedding.js";
import { cast } from "../../ops/layout.js";
import { linear } from "../../ops/linear.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { NetworkDialect } from "../../weights/dialect/flags.js";
import type { TableReader } from "../../weights/store.js";
import type { ClipModel, ClipWeights, TextEmbedding } from "./clip-model.js";
import { sizedImage } from "./image-input.js";
import { ModifiedResNet } from "./modified-resnet.js";
import type { OpenAiClipOptions } from "./openai-options.js";
import { fittedRows, readEmbeddings, unitEmbedding, zeroPadding } from "./text-input.js";
import { notZero, textMasks, type TextMask } from "./text-mask.js";
import { Transformer } from "./transformer.js";
import { VisionTransformer } from "./vision-transformer.js";

/** Token at the end of a text, of which the last layer's output stands for the whole text. */
const END_TOKEN = 49407;

/**
 * OpenAI's CLIP (Radford et al. 2021; openai/CLIP, clip/model.py), and open_clip's of the same architecture, seen through
 * the adapters of DALLE2-pytorch: embeddings of unit length, text encodings zeroed where there is no text.
 */
export class OpenAiClip implements ClipModel {
  readonly imageSize: number;
  readonly contextLength: number;
  readonly dimLatent: number;
  readonly tokenization = "openai";
  readonly #options: OpenAiClipOptions;
  readonly #textMask: TextMask;
  readonly #tokenEmbedding: TableReader;
  readonly #positions: Tensor;
  readonly #transformer: Transformer;
  readonly #normFinal: LayerNorm;
  readonly #textProjection: Tensor;
  readonly #visual: VisionTransformer | ModifiedResNet;

  constructor(
    { text: weights, image }: ClipWeights,
    options: OpenAiClipOptions,
    dialect: Pick<NetworkDialect, "clipTextMask">,
  ) {
    const { embedDim, contextLength, vocabSize, text, vision } = options;
    const { width } = text;
    this.imageSize = vision.resolution;
    this.contextLength = contextLength;
    this.dimLatent = embedDim;
    this.#options = options;
    this.#textMask = textMasks[dialect.clipTextMask];
    // A prompt needs a few of its rows, and whole it is larger than some adapters can bind.
    this.#tokenEmbedding = weights.at("token_embedding").rows("weight", [vocabSize, width]);
    this.#positions = weights.table("positional_embedding", [1, contextLength, width], {
      fileShape: [contextLength, width],
    });
    this.#transformer = new Transformer(weights.at("transformer"), { ...text, causal: true });
    this.#normFinal = new LayerNorm(weights.at("ln_final"), width);
    this.#textProjection = weights.matrix("text_projection", [width, embedDim]);
    const visual = image.at("visual");
    this.#visual =
      vision.kind === "vit"
        ? new VisionTransformer(visual, vision, embedDim)
        : new ModifiedResNet(visual, vision, embedDim);
    // The temperature and the bias of training, a causal mask, and what TorchScript archives say of the shapes.
    weights.ignore("logit_scale", "logit_bias", "attn_mask", "input_resolution", "context_length", "vocab_size");
  }

  async embedText(
    tokens: readonly Int32Array[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<TextEmbedding> {
    const texts = fittedRows(tokens, this.contextLength);
    return this.#encodeText(texts, await readEmbeddings(this.#tokenEmbedding, texts, signal));
  }

  rehearseText(count: number): void {
    const { contextLength } = this;
    const texts = Array.from({ length: count }, () => new Int32Array(contextLength));
    const { width } = this.#options.text;
    const { arena } = this.#positions;
    arena.scope(() => {
      this.#encodeText(texts, new Float32Array(count * contextLength * width));
    });
  }

  embedImage(image: Tensor): Tensor {
    const { arena } = this.#positions;
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

  #encodeText(texts: readonly Int32Array[], tokenRows: Float32Array): TextEmbedding {
    const { arena } = this.#positions;
    const { width } = this.#options.text;
    return arena.scope(() => {
      const tokens = add(arena.from(tokenRows, [texts.length, this.contextLength, width]), this.#positions);
      const x = this.#normFinal.forward(this.#transformer.forward(tokens));
      // As OpenAI wrote it: the end token is the highest number of each text.
      const ends = texts.map((text, i) => i * this.contextLength + text.indexOf(Math.max(...text)));
      const pooled = embedding(x.reshape([texts.length * this.contextLength, width]), ends);
      const masks = texts.map((text) => this.#textMask(text, END_TOKEN));
      return {
        textEmbed: unitEmbedding(linear(pooled, this.#textProjection)),
        textEncodings: zeroPadding(x, masks),
        textMask: texts.map(notZero),
      };
    });
  }
}
