import * as z from "zod";
import { parseConfig } from "../../../config/config-error.js";
import type { Activation } from "../../../ops/activation.js";
import { componentConfig, count } from "./component-config.js";

/** The activation functions of diffusers, by name. */
const ACTIVATIONS = {
  silu: "silu",
  swish: "silu",
  mish: "mish",
  gelu: "gelu",
  relu: "relu",
} as const satisfies Readonly<Record<string, Activation>>;

const schema = componentConfig(
  "PriorTransformer",
  {
    num_attention_heads: count.default(32),
    attention_head_dim: count.default(64),
    num_layers: z.int().nonnegative().default(20),
    embedding_dim: count.default(768),
    num_embeddings: z.int().nonnegative().default(77),
    additional_embeddings: z.int().nonnegative().default(4),
    time_embed_act_fn: z.enum(Object.keys(ACTIVATIONS) as (keyof typeof ACTIVATIONS)[]).default("silu"),
    norm_in_type: z.literal("layer").optional(),
    embedding_proj_norm_type: z.literal("layer").optional(),
    encoder_hid_proj_type: z.literal("linear").nullable().default("linear"),
    added_emb_type: z.literal("prd").nullable().default("prd"),
    time_embed_dim: count.optional(),
    embedding_proj_dim: count.optional(),
    clip_embed_dim: count.optional(),
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
