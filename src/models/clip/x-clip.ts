import type { XClipConfig } from "./config/clip-config.js";
import { Linear } from "../../nn/linear.js";
import { cast, sliceTokens } from "../../ops/layout.js";
import type { Arena } from "../../tensor/arena.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";
import { UnsupportedError } from "../../weights/unsupported-error.js";
import type { TextEmbedding } from "../interfaces.js";
import type { ClipModel, ClipWeights } from "./clip-model.js";
import { sizedImage } from "./image-input.js";
import { commonLength, fittedRows, readEmbeddings, unitEmbedding, zeroPadding } from "./text-input.js";
import { bareTextMask, notZero, type ClipDialect, type MaskOfBareTokens } from "./text-mask.js";
import { XClipImageEncoder, XClipTextEncoder } from "./x-clip-encoders.js";

/**
 * lucidrains' x-clip (0.7 to 0.14) through the adapter of DALLE2-pytorch, which treats padding like any token: a text is as
 * long as its row of tokens, up to `contextLength`. Throws `UnsupportedError` for an older state dict.
 * @see https://github.com/lucidrains/x-clip/blob/0c72f6efaf9f748a02b18c1593fc65809164aaf9/x_clip/x_clip.py#L412-L875
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L232-L271
 */
export class XClip implements ClipModel {
  readonly imageSize: number;
  readonly contextLength: number;
  readonly dimLatent: number;
  readonly tokenization = "bare";
  readonly #config: XClipConfig;
  readonly #textMask: MaskOfBareTokens;
  readonly #text: XClipTextEncoder;
  readonly #toTextLatent: Linear;
  readonly #visual: XClipImageEncoder;
  readonly #toVisualLatent: Linear;

  constructor({ text, image }: ClipWeights, config: XClipConfig, dialect: ClipDialect) {
    checkVersion(image);
    const { dim_text: dimText, dim_image: dimImage, dim_latent: dimLatent } = config;
    this.imageSize = config.visual_image_size;
    this.contextLength = config.text_seq_len;
    this.dimLatent = dimLatent;
    this.#config = config;
    this.#textMask = bareTextMask(dialect.clipTextMask);
    this.#text = new XClipTextEncoder(text.at("text_transformer"), config);
    this.#visual = new XClipImageEncoder(image.at("visual_transformer"), config);
    this.#toTextLatent = new Linear(text.at("to_text_latent"), dimText, dimLatent, { bias: false });
    this.#toVisualLatent = new Linear(image.at("to_visual_latent"), dimImage, dimLatent, { bias: false });
    // Only for training.
    text.ignore("temperature", "to_text_latent_extra.", "to_visual_latent_extra.", "mlm.", "visual_ssl.");
  }

  async embedText(
    arena: Arena,
    tokens: readonly Int32Array[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<TextEmbedding> {
    const length = commonLength(tokens, this.contextLength);
    const texts = fittedRows(tokens, length);
    const rows = await readEmbeddings(arena, this.#text.tokenEmbedding, texts, signal);
    return this.#encodeText(arena, texts, rows, length);
  }

  #encodeText(arena: Arena, texts: readonly Int32Array[], rows: Float32Array, length: number): TextEmbedding {
    const { dim_text: dim, dim_latent: dimLatent } = this.#config;
    return arena.scope(() => {
      const encoded = this.#text.forward(arena.from(rows, [texts.length, length, dim]));
      const latent = this.#toTextLatent.forward(sliceTokens(encoded, 0, 1)).reshape([texts.length, dimLatent]);
      const masks = texts.map(this.#textMask);
      return {
        textEmbed: unitEmbedding(latent),
        textEncodings: zeroPadding(sliceTokens(encoded, 1, 1 + length), masks),
        textMask: texts.map(notZero),
      };
    });
  }

  embedImage(image: Tensor): Tensor {
    const { arena } = image;
    return arena.scope(() => {
      const sized = sizedImage(image, this.imageSize, this.#config.channels);
      return unitEmbedding(this.#toVisualLatent.forward(this.#visual.forward(cast(sized, arena.dtype))));
    });
  }
}

/** Before 0.7 the image encoder had a class token instead of a mean, and other layers. */
function checkVersion(weights: Weights): void {
  if (weights.has("visual_transformer.cls_token")) {
    throw new UnsupportedError(
      `${weights.store.source.name}: written by x-clip before 0.7 (its image encoder has a class token), which has other ` +
        "layers; x-clip 0.7 and later are supported",
    );
  }
}
