import { LayerNorm } from "../../nn/layer-norm.js";
import { add, multiply } from "../../ops/elementwise.js";
import { embedding } from "../../ops/embedding.js";
import { cast } from "../../ops/layout.js";
import { linear } from "../../ops/linear.js";
import { l2Norm } from "../../ops/norm.js";
import { resizeCubic } from "../../ops/resize.js";
import { selectRows } from "../../ops/select.js";
import { ShapeError } from "../../ops/shape-error.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { NetworkDialect } from "../../weights/dialect-flags.js";
import type { TableReader, Weights } from "../../weights/store.js";
import type { ClipModel, TextEmbedding } from "./clip-model.js";
import type { OpenAiClipOptions } from "./openai-options.js";
import { textMasks, type TextMask } from "./text-mask.js";
import { Transformer } from "./transformer.js";
import { VisionTransformer } from "./vision-transformer.js";

/** Token at the end of a text, of which the last layer's output stands for the whole text. */
const END_TOKEN = 49407;

/** Mean and standard deviation of red, green and blue in CLIP's training images. */
const IMAGE_MEAN = [0.48145466, 0.4578275, 0.40821073];
const IMAGE_STD = [0.26862954, 0.26130258, 0.27577711];

/**
 * OpenAI's CLIP with a vision transformer (Radford et al. 2021; openai/CLIP, clip/model.py), seen through the adapter of
 * DALLE2-pytorch: embeddings of unit length, text encodings zeroed where there is no text.
 */
export class OpenAiClip implements ClipModel {
  readonly imageSize: number;
  readonly contextLength: number;
  readonly dimLatent: number;
  readonly #width: number;
  readonly #textMask: TextMask;
  readonly #tokenEmbedding: TableReader;
  readonly #positions: Tensor;
  readonly #transformer: Transformer;
  readonly #normFinal: LayerNorm;
  readonly #textProjection: Tensor;
  readonly #visual: VisionTransformer;

  constructor(weights: Weights, options: OpenAiClipOptions, dialect: Pick<NetworkDialect, "clipTextMask">) {
    const { embedDim, contextLength, vocabSize, transformerWidth: width } = options;
    this.imageSize = options.imageResolution;
    this.contextLength = contextLength;
    this.dimLatent = embedDim;
    this.#width = width;
    this.#textMask = textMasks[dialect.clipTextMask];
    // A prompt needs a few of its rows, and whole it is larger than some adapters can bind.
    this.#tokenEmbedding = weights.at("token_embedding").rows("weight", [vocabSize, width]);
    this.#positions = weights.table("positional_embedding", [1, contextLength, width], {
      fileShape: [contextLength, width],
    });
    this.#transformer = new Transformer(weights.at("transformer"), {
      width,
      layers: options.transformerLayers,
      heads: options.transformerHeads,
      causal: true,
    });
    this.#normFinal = new LayerNorm(weights.at("ln_final"), width);
    this.#textProjection = weights.table("text_projection", [width, embedDim]);
    this.#visual = new VisionTransformer(weights.at("visual"), {
      resolution: options.imageResolution,
      patchSize: options.visionPatchSize,
      width: options.visionWidth,
      layers: options.visionLayers,
      heads: options.visionHeads,
      outputDim: embedDim,
    });
    // The temperature of training, and what TorchScript archives say of the shapes.
    weights.ignore("logit_scale", "input_resolution", "context_length", "vocab_size");
  }

  async embedText(
    tokens: readonly Int32Array[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<TextEmbedding> {
    const texts = tokens.map((row) => fitted(row, this.contextLength));
    const rows = await this.#tokenEmbedding.read(
      texts.flatMap((text) => [...text]),
      signal,
    );
    return this.#encodeText(texts, rows);
  }

  embedImage(image: Tensor): Tensor {
    const [batch = 0, height = 0, width = 0] = image.shape;
    if (image.channels !== 3 || height !== width || width < this.imageSize || image.dtype !== "f32") {
      throw new ShapeError("embedImage", `image (${image.dtype})`, image.shape, [
        batch,
        `>= ${this.imageSize}`,
        "the same",
        "3 (f32)",
      ]);
    }
    const { arena } = this.#positions;
    return arena.scope(() => {
      const sized = width === this.imageSize ? image : resizeCubic(image, [this.imageSize, this.imageSize]);
      const invStd = arena.from(
        IMAGE_STD.map((std) => 1 / std),
        [3],
        "f32",
      );
      const shift = arena.from(
        IMAGE_MEAN.map((mean, c) => -mean / IMAGE_STD[c]!),
        [3],
        "f32",
      );
      const normalised = add(multiply(sized, invStd), shift);
      return l2Norm(cast(this.#visual.forward(cast(normalised, arena.dtype)), "f32"));
    });
  }

  #encodeText(texts: readonly Int32Array[], tokenRows: Float32Array): TextEmbedding {
    const { arena } = this.#positions;
    const shape = [texts.length, this.contextLength, this.#width];
    return arena.scope(() => {
      const tokens = add(arena.from(tokenRows, shape), this.#positions);
      const x = this.#normFinal.forward(this.#transformer.forward(tokens));
      // As OpenAI wrote it: the end token is the highest number of each text.
      const ends = texts.map((text, i) => i * this.contextLength + text.indexOf(Math.max(...text)));
      const pooled = embedding(x.reshape([texts.length * this.contextLength, this.#width]), ends);
      const textEmbed = l2Norm(cast(linear(pooled, this.#textProjection), "f32"));
      return { textEmbed, textEncodings: this.#maskPadding(x, texts) };
    });
  }

  #maskPadding(encodings: Tensor, texts: readonly Int32Array[]): Tensor {
    const { arena } = encodings;
    const [batch, length, width] = encodings.shape as [number, number, number];
    const mask = texts.flatMap((text) => this.#textMask(text, END_TOKEN));
    return selectRows({
      tokens: encodings,
      fallback: arena.from(new Float32Array(length * width), [length, width]),
      mask: arena.from(mask, [batch, length], "u32"),
      keep: texts.map(() => 1),
    });
  }
}

/** The row cut or filled with zeros to `length`. */
function fitted(row: Int32Array, length: number): Int32Array {
  const text = new Int32Array(length);
  text.set(row.subarray(0, length));
  return text;
}
