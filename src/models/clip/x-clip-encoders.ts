import type { XClipConfig } from "./config/clip-config.js";
import type { LayerNormParameters } from "../../nn/layer-norm.js";
import { Linear } from "../../nn/linear.js";
import { RotaryEmbedding } from "../../nn/rotary-embedding.js";
import { add } from "../../ops/elementwise.js";
import { broadcastBatch, concatTokens, sliceTokens } from "../../ops/layout.js";
import { patches } from "../../ops/patches.js";
import { meanToken } from "../../ops/pool.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { TableReader, Weights } from "../../weights/store.js";
import { XClipTransformer } from "./x-clip-transformer.js";

/** Most rotated channels of a head. */
const MAX_ROTARY_DIM = 32;

/**
 * x-clip's `TextTransformer` without a causal mask: a class token, then the text.
 * @see https://github.com/lucidrains/x-clip/blob/0c72f6efaf9f748a02b18c1593fc65809164aaf9/x_clip/x_clip.py#L295-L338
 */
export class XClipTextEncoder {
  readonly tokenEmbedding: TableReader;
  readonly #classToken: Tensor;
  readonly #positions: Tensor | undefined;
  readonly #transformer: XClipTransformer;

  constructor(weights: Weights, config: XClipConfig) {
    const { dim_text: dim, text_seq_len: length, text_dim_head: dimHead, text_rotary_pos_emb: isRotary } = config;
    // Training with masked words needs one more token.
    const vocabulary = config.num_text_tokens + Number(config.use_mlm);
    this.tokenEmbedding = weights.at("token_emb").rows("weight", [vocabulary, dim]);
    this.#classToken = weights.table("cls_token", [1, 1, dim], { fileShape: [dim] });
    this.#positions = isRotary ? undefined : positionTable(weights.at("abs_pos_emb"), length, dim);
    this.#transformer = new XClipTransformer(weights.at("transformer"), {
      dim,
      depth: config.text_enc_depth,
      heads: config.text_heads,
      dimHead,
      normParameters: normParameters(weights),
      cosine: config.cosine_sim_attn,
      rotary: isRotary ? rotaryOf(weights.at("rotary_pos_emb"), dimHead, length + 1) : undefined,
    });
  }

  /** Token embeddings `[batch, length, dim]` to `[batch, 1 + length, dim]`: the class token, then the text. */
  forward(embeddings: Tensor): Tensor {
    const [batch, length] = embeddings.shape as [number, number, number];
    const { arena } = embeddings;
    return arena.scope(() => {
      const text = this.#positions ? add(embeddings, sliceTokens(arena.share(this.#positions), 0, length)) : embeddings;
      return this.#transformer.forward(concatTokens([broadcastBatch(arena.share(this.#classToken), batch), text]));
    });
  }
}

/**
 * x-clip's `VisionTransformer`, up to the input of its class token.
 * @see https://github.com/lucidrains/x-clip/blob/0c72f6efaf9f748a02b18c1593fc65809164aaf9/x_clip/x_clip.py#L340-L390
 */
export class XClipImageEncoder {
  readonly #patchSize: number;
  readonly #dim: number;
  readonly #toTokens: Linear;
  readonly #positions: Tensor;
  readonly #transformer: XClipTransformer;
  readonly #toClassToken: Linear;

  constructor(weights: Weights, config: XClipConfig) {
    const { dim_image: dim, visual_patch_size: patchSize, channels } = config;
    this.#patchSize = patchSize;
    this.#dim = dim;
    this.#toTokens = new Linear(weights.at("to_tokens.1"), channels * patchSize ** 2, dim);
    const length = Math.floor(config.visual_image_size / patchSize) ** 2;
    this.#positions = positionTable(weights.at("pos_emb"), length, dim);
    this.#transformer = new XClipTransformer(weights.at("transformer"), {
      dim,
      depth: config.visual_enc_depth,
      heads: config.visual_heads,
      dimHead: config.visual_dim_head,
      normParameters: normParameters(weights),
      cosine: config.cosine_sim_attn,
    });
    this.#toClassToken = new Linear(weights.at("to_cls_tokens.1"), dim, dim, { bias: false });
  }

  /** Images `[batch, size, size, channels]` to class tokens `[batch, dim]`. */
  forward(image: Tensor): Tensor {
    return image.arena.scope(() => {
      const tokens = add(this.#toTokens.forward(patches(image, this.#patchSize)), this.#positions);
      const mean = meanToken(this.#transformer.forward(tokens));
      return this.#toClassToken.forward(mean).reshape([image.shape[0]!, this.#dim]);
    });
  }
}

function positionTable(weights: Weights, length: number, dim: number): Tensor {
  return weights.table("weight", [1, length, dim], { fileShape: [length, dim] });
}

function rotaryOf(weights: Weights, dimHead: number, length: number): RotaryEmbedding {
  return new RotaryEmbedding(weights, Math.min(dimHead, MAX_ROTARY_DIM), length, { name: "inv_freq", pairs: "halves" });
}

/** Names of the layer norms' parameters in this state dict. */
function normParameters(weights: Weights): NonNullable<LayerNormParameters["parameters"]> {
  return weights.has("transformer.norm_in.gamma") ? { gain: "gamma", bias: "beta" } : { gain: "g" };
}
