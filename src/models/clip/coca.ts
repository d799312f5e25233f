import type { CocaConfig } from "./config/clip-config.js";
import type { LayerNorm } from "../../nn/layer-norm.js";
import { broadcastBatch, cast, concatTokens, sliceTokens } from "../../ops/layout.js";
import type { Arena } from "../../tensor/arena.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { TableReader } from "../../weights/store.js";
import type { TextEmbedding } from "../interfaces.js";
import type { ClipModel, ClipWeights } from "./clip-model.js";
import { AttentionPooling, cocaNorm, ParallelBlock } from "./coca-layers.js";
import { createImageEncoder } from "./image-encoder.js";
import { sizedImage } from "./image-input.js";
import type { ImageEncoder } from "./image-tokens.js";
import { commonLength, fittedRows, readEmbeddings, zeroPadding } from "./text-input.js";
import { bareTextMask, notZero, type ClipDialect, type MaskOfBareTokens } from "./text-mask.js";

/**
 * CoCa (Yu et al. 2022; lucidrains' CoCa-pytorch 0.1.0) through the adapter of DALLE2-pytorch: embeddings are the normed
 * class tokens, not of unit length. A text is as long as its row of tokens, up to `contextLength`.
 * @see https://github.com/lucidrains/CoCa-pytorch/blob/fcd186c1ec690be3642a9ac531a681331851ed0e/coca_pytorch/coca_pytorch.py#L340-L537
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L273-L305
 */
export class Coca implements ClipModel {
  readonly imageSize: number;
  readonly contextLength: number;
  readonly dimLatent: number;
  readonly tokenization = "bare";
  readonly #channels: number;
  readonly #pad: number;
  readonly #textMask: MaskOfBareTokens;
  readonly #tokenEmbedding: TableReader;
  readonly #textClassToken: Tensor;
  readonly #textBlocks: readonly ParallelBlock[];
  readonly #textNorm: LayerNorm;
  readonly #imageEncoder: ImageEncoder;
  readonly #imageQueries: Tensor;
  readonly #imagePool: AttentionPooling;
  readonly #imageNorm: LayerNorm;

  constructor({ text, image }: ClipWeights, config: CocaConfig, dialect: ClipDialect) {
    const { dim, heads, dim_head: dimHead, img_encoder: imageEncoder, image_size: size } = config;
    this.imageSize = size;
    this.contextLength = config.max_text_len;
    this.dimLatent = dim;
    this.#channels = config.image_channels;
    this.#pad = config.pad_id;
    this.#textMask = bareTextMask(dialect.clipTextMask);
    this.#tokenEmbedding = text.at("token_emb").rows("weight", [config.num_tokens, dim]);
    this.#textClassToken = text.table("text_cls_token", [1, 1, dim], { fileShape: [dim] });
    const layer = { dim, heads, dimHead, ffMult: config.ff_mult, length: config.max_text_len + 1 };
    this.#textBlocks = Array.from(
      { length: config.unimodal_depth },
      (_, i) => new ParallelBlock(text.at("unimodal_layers", i, "fn"), layer),
    );
    this.#textNorm = cocaNorm(text.at("text_cls_norm"), dim);
    this.#imageEncoder = createImageEncoder(image.at("img_encoder"), imageEncoder, {
      size,
      channels: this.#channels,
    });
    const queries = config.num_img_queries + 1;
    this.#imageQueries = image.table("img_queries", [1, queries, dim], { fileShape: [queries, dim] });
    const contextDim = config.image_dim ?? dim;
    this.#imagePool = new AttentionPooling(image.at("img_attn_pool"), { dim, contextDim, heads, dimHead });
    this.#imageNorm = cocaNorm(image.at("img_attn_pool_norm"), dim);
    // The captioner, and what its adapter does not use.
    text.ignore("multimodal_layers.", "to_logits.", "temperature", "text_to_latents.", "img_to_latents.");
  }

  async embedText(
    arena: Arena,
    tokens: readonly Int32Array[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<TextEmbedding> {
    const length = commonLength(tokens, this.contextLength);
    const texts = fittedRows(tokens, length);
    const rows = await readEmbeddings(arena, this.#tokenEmbedding, texts, signal);
    return this.#encodeText(arena, texts, rows, [texts.length, length, this.dimLatent]);
  }

  #encodeText(
    arena: Arena,
    texts: readonly Int32Array[],
    rows: Float32Array,
    [batch, length, dim]: readonly [number, number, number],
  ): TextEmbedding {
    return arena.scope(() => {
      const isText = texts.flatMap((text) => [...Array.from(text, (token) => Number(token !== this.#pad)), 1]);
      const mask = arena.from(isText, [batch, length + 1], "u32");
      const text = arena.from(rows, [batch, length, dim]);
      const tokens = concatTokens([text, broadcastBatch(arena.share(this.#textClassToken), batch)]);
      const encoded = this.#textBlocks.reduce((x, block) => block.forward(x, mask), tokens);
      const classToken = this.#textNorm.forward(sliceTokens(encoded, length, length + 1));
      return {
        textEmbed: cast(classToken, "f32").reshape([batch, dim]),
        textEncodings: zeroPadding(sliceTokens(encoded, 0, length), texts.map(this.#textMask)),
        textMask: texts.map(notZero),
      };
    });
  }

  embedImage(image: Tensor): Tensor {
    const { arena } = image;
    const batch = image.shape[0]!;
    return arena.scope(() => {
      const sized = sizedImage(image, this.imageSize, this.#channels);
      const tokens = this.#imageEncoder.forward(cast(sized, arena.dtype));
      // The first query's output is the embedding. The others are for the captioner.
      const query = broadcastBatch(sliceTokens(arena.share(this.#imageQueries), 0, 1), batch);
      const embedded = this.#imageNorm.forward(this.#imagePool.forward(query, tokens));
      return cast(embedded, "f32").reshape([batch, this.dimLatent]);
    });
  }
}
