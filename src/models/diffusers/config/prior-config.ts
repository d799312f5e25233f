import * as z from "zod/mini";
import { parseConfig } from "../../../config/config-error.js";
import type { Activation } from "../../../ops/activation.js";
import { componentSchema, count } from "./component-schema.js";

/** The activation functions of diffusers, by name. */
const ACTIVATIONS = {
  silu: "silu",
  swish: "silu",
  mish: "mish",
  gelu: "gelu",
  relu: "relu",
} as const satisfies Readonly<Record<string, Activation>>;

const schema = componentSchema(
  "PriorTransformer",
  {
    num_attention_heads: z._default(count, 32),
    attention_head_dim: z._default(count, 64),
    num_layers: z._default(z.int().check(z.nonnegative()), 20),
    embedding_dim: z._default(count, 768),
    num_embeddings: z._default(z.int().check(z.nonnegative()), 77),
    additional_embeddings: z._default(z.int().check(z.nonnegative()), 4),
    time_embed_act_fn: z._default(z.enum(Object.keys(ACTIVATIONS) as (keyof typeof ACTIVATIONS)[]), "silu"),
    norm_in_type: z.optional(z.literal("layer")),
    embedding_proj_norm_type: z.optional(z.literal("layer")),
    encoder_hid_proj_type: z._default(z.nullable(z.literal("linear")), "linear"),
    added_emb_type: z._default(z.nullable(z.literal("prd")), "prd"),
    time_embed_dim: z.optional(count),
    embedding_proj_dim: z.optional(count),
    clip_embed_dim: z.optional(count),
  },
  {
    harmless: { "of training": ["dropout"] },
    nullable: ["encoder_hid_proj_type", "added_emb_type"],
  },
);

/** Every option of the prior's network. */
export interface PriorOptions {
  readonly heads: number;
  readonly dimHead: number;
  readonly layers: number;
  /** Width of the noised embedding, and of the text encodings. */
  readonly embedDim: number;
  /** Rows of the positional embedding: of the text, and of the tokens behind it. */
  readonly textTokens: number;
  readonly additionalTokens: number;
  readonly timeActivation: Activation;
  /** Width of the hidden layer of the time embedding. */
  readonly timeDim: number;
  /** Layer norm before the first block. */
  readonly normIn: boolean;
  /** Layer norm of the text embedding. */
  readonly normTextEmbed: boolean;
  /** Width of the text embedding. */
  readonly textEmbedDim: number;
  /** Whether text encodings are projected. They are then required; otherwise they may be left out. */
  readonly projectsText: boolean;
  /** Whether a learned last token (`prd`) gives the prediction. Otherwise the tokens of the noised embedding do. */
  readonly hasPredictionToken: boolean;
  /** Width of the prediction. */
  readonly outputDim: number;
}

/**
 * The options in the config of a `PriorTransformer`. `file` is its name in messages. Throws `ConfigError`.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/transformers/prior_transformer.py#L77-L96
 */
export function priorOptions(value: unknown, file: string): PriorOptions {
  const config = parseConfig(schema, value, file);
  const { num_attention_heads: heads, attention_head_dim: dimHead, embedding_dim: embedDim } = config;
  return {
    heads,
    dimHead,
    layers: config.num_layers,
    embedDim,
    textTokens: config.num_embeddings,
    additionalTokens: config.additional_embeddings,
    timeActivation: ACTIVATIONS[config.time_embed_act_fn],
    timeDim: config.time_embed_dim ?? heads * dimHead,
    normIn: config.norm_in_type !== undefined,
    normTextEmbed: config.embedding_proj_norm_type !== undefined,
    textEmbedDim: config.embedding_proj_dim ?? embedDim,
    projectsText: config.encoder_hid_proj_type !== null,
    hasPredictionToken: config.added_emb_type !== null,
    outputDim: config.clip_embed_dim ?? embedDim,
  };
}
