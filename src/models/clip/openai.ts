import { cast } from "../../ops/layout.js";
import type { Arena } from "../../tensor/arena.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { TextEmbedding } from "../interfaces.js";
import type { ClipModel, ClipWeights } from "./clip-model.js";
import { normalisedImage, sizedImage } from "./image-input.js";
import { ModifiedResNet } from "./modified-resnet.js";
import type { OpenAiClipOptions } from "./openai-options.js";
import { fittedRows, unitEmbedding, zeroPadding } from "./text-input.js";
import { notZero, textMasks, type ClipDialect, type MaskOfTokens } from "./text-mask.js";
import { TextTransformer, type TextRows } from "./text-transformer.js";
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
  readonly #text: TextTransformer;
  readonly #visual: VisionTransformer | ModifiedResNet;

  constructor({ text: weights, image }: ClipWeights, options: OpenAiClipOptions, dialect: ClipDialect) {
    const { embedDim, contextLength, vision } = options;
    this.imageSize = vision.resolution;
    this.contextLength = contextLength;
    this.dimLatent = embedDim;
    this.#options = options;
    this.#textMask = textMasks[dialect.clipTextMask];
    this.#text = new TextTransformer(weights, options);
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
    return this.#encodeText(arena, await this.#text.read(arena, texts, signal));
  }

  embedImage(image: Tensor): Tensor {
    const { arena } = image;
    return arena.scope(() => {
      const normalised = normalisedImage(sizedImage(image, this.imageSize, 3), this.#options);
      return unitEmbedding(this.#visual.forward(cast(normalised, arena.dtype)));
    });
  }

  #encodeText(arena: Arena, rows: TextRows): TextEmbedding {
    return arena.scope(() => {
      const { projected, encodings } = this.#text.forward(arena, rows);
      const masks = rows.texts.map((text) => this.#textMask(text, END_TOKEN));
      return {
        textEmbed: unitEmbedding(projected),
        textEncodings: zeroPadding(encodings, masks),
        textMask: rows.texts.map(notZero),
      };
    });
  }
}
