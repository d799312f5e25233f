import * as z from "zod/mini";
import { parseConfig } from "../../../config/config-error.js";
import { componentSchema, count } from "../../diffusers/config/component-schema.js";

const schema = componentSchema("UnCLIPTextProjModel", {
  clip_extra_context_tokens: z._default(count, 4),
  clip_embeddings_dim: z._default(count, 768),
  time_embed_dim: count,
  cross_attention_dim: count,
});

export interface TextProjectionOptions {
  /** Width of CLIP's embeddings and encodings. */
  readonly embedDim: number;
  /** Tokens that the image embedding becomes. */
  readonly imageTokens: number;
  /** Width of the decoder's time embedding. */
  readonly timeDim: number;
  /** Width of the decoder's context. */
  readonly contextDim: number;
}

/**
 * The options in the config of a `UnCLIPTextProjModel`. `file` is its name in messages. Throws `ConfigError`.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/unclip/text_proj.py#L30-L38
 */
export function textProjectionOptions(value: unknown, file: string): TextProjectionOptions {
  const config = parseConfig(schema, value, file);
  return {
    embedDim: config.clip_embeddings_dim,
    imageTokens: config.clip_extra_context_tokens,
    timeDim: config.time_embed_dim,
    contextDim: config.cross_attention_dim,
  };
}
