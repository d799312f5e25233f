/**
 * A model's config as open_clip reads it (src/open_clip/model.py, 1.0 to 3.3): the fields of `CLIPVisionCfg` and
 * `CLIPTextCfg`, and the arguments of `CLIP`. Keys with which DALLE2-pytorch cannot run either are refused.
 */
import * as z from "zod/mini";
import { knownKeys, never, only } from "../../../config/known-keys.js";
import { rule } from "../../../config/rule.js";

const count = z.int().check(z.positive());
const flag = z.boolean();
const rgb = z.tuple([z.number(), z.number(), z.number()]);
const size = z.union([count, z.tuple([count, count])], { error: "expected a whole number or two of them" });

/** Arguments of the activation: torch's `nn.GELU`. */
const activationArguments = knownKeys({ approximate: z.optional(z.enum(["none", "tanh"])) });

/** Arguments of every layer norm: torch's `nn.LayerNorm`. */
const normArguments = knownKeys(
  {
    eps: z.optional(z.number().check(z.nonnegative())),
    elementwise_affine: only(true, "norms without gain and bias"),
    bias: only(true, "norms without bias"),
  },
  { "where and in which type torch makes its parameters": ["device", "dtype"] },
);

const OWN_BLOCK = "a residual block of open_clip's own";
const HUGGING_FACE_TEXT = "text encoders of the transformers library are not supported, here or in DALLE2-pytorch";
const CLASS_TOKEN = "a text encoder with a class token (CoCa's) does not run with DALLE2-pytorch";
const OTHER_TOKENS = "only CLIP's own tokenizer is supported";

/** Keys that both encoders may have for their residual blocks. */
const blocks = {
  width: z.optional(count),
  mlp_ratio: z.optional(z.number().check(z.positive())),
  /** The tensors of layer scale are in the file. */
  ls_init_value: z.optional(z.number()),
  act_kwargs: z.optional(activationArguments),
  norm_kwargs: z.optional(normArguments),
  // Both compute the same as long as no option below is on.
  block_type: only(["default", "custom"], OWN_BLOCK),
  qk_norm: only(false, OWN_BLOCK),
  scaled_cosine_attn: only(false, OWN_BLOCK),
  scale_heads: only(false, OWN_BLOCK),
  scale_attn_inner: only(false, OWN_BLOCK),
  scale_attn: only(false, OWN_BLOCK),
  scale_fc: only(false, OWN_BLOCK),
};

const visionConfig = knownKeys(
  {
    ...blocks,
    layers: z.optional(
      z.union([count, z.tuple([count, count, count, count])], {
        error: "expected a whole number, or four of a ResNet",
      }),
    ),
    head_width: z.optional(count),
    patch_size: z.optional(size),
    image_size: z.optional(size),
    no_ln_pre: z.optional(flag),
    final_ln_after_pool: z.optional(flag),
    pool_type: z.optional(z.enum(["tok", "avg"], { error: 'expected "tok" or "avg", which make one embedding' })),
    /** Until 2.22: the mean of all tokens, with the class token. */
    global_average_pool: z.optional(flag),
    attentional_pool: only(false, "an image encoder that pools by attention (CoCa's)"),
    input_patchnorm: only(false, "an image encoder that norms patches of pixels"),
    timm_model_name: never("only CLIP's own ViT and ResNet are supported, no image encoder of timm"),
  },
  {
    "of training": ["patch_dropout", "image_seq_len"],
    "tokens that are returned with the embedding": ["output_tokens"],
    "both kinds of position are in the file": ["pos_embed_type"],
    "read only with attentional_pool": ["attn_pooler_queries", "attn_pooler_heads", "n_queries"],
    "read only with timm_model_name": [
      "timm_model_pretrained",
      "timm_pool",
      "timm_proj",
      "timm_proj_bias",
      "timm_drop",
      "timm_drop_path",
      "timm_model_kwargs",
    ],
  },
);

const textConfig = knownKeys(
  {
    ...blocks,
    layers: z.optional(count),
    heads: z.optional(count),
    context_length: z.optional(count),
    vocab_size: z.optional(count),
    no_causal_mask: z.optional(flag),
    pool_type: z.optional(
      z.enum(["first", "last", "argmax", "eos"], {
        error: 'expected "first", "last", "argmax" or "eos", which make one embedding',
      }),
    ),
    /** For `pool_type` eos. */
    eos_id: z.optional(z.int().check(z.nonnegative())),
    proj_type: z.optional(z.enum(["linear", "none"])),
    proj_bias: z.optional(flag),
    embed_cls: only(false, CLASS_TOKEN),
    use_pad_mask: only(false, "padding is seen like any token"),
    correct_cls_mask: only(false, CLASS_TOKEN),
    hf_model_name: never(HUGGING_FACE_TEXT),
    hf_tokenizer_name: never(OTHER_TOKENS),
    tokenizer_kwargs: only([{}, { clean: "lower" }], OTHER_TOKENS),
    tokenizer_type: only("", OTHER_TOKENS),
    text_arch: only("clip", "another text encoder than CLIP's"),
    variable_text: only(false, "another text encoder than CLIP's"),
  },
  {
    "tokens that are returned with the embedding": ["output_tokens"],
    "read only with embed_cls": ["pad_id"],
    "open_clip reads it only for image encoders": ["final_ln_after_pool"],
    "read only with hf_tokenizer_name or a tokenizer_type": ["tokenizer_mode", "tiktoken_name", "bos_id"],
    "read only with hf_model_name": [
      "hf_model_pretrained",
      "hf_model_config",
      "hf_proj_type",
      "hf_pooler_type",
      "proj",
      "pooler_type",
    ],
  },
);

/** Keys of a model's config, which may be mixed with those of other libraries. */
export const openClipModel = {
  embed_dim: z.optional(count),
  quick_gelu: z.optional(flag),
  vision_cfg: z.optional(visionConfig),
  text_cfg: z.optional(textConfig),
  multimodal_cfg: never("a CoCa from open_clip does not run with DALLE2-pytorch"),
};

export const OPEN_CLIP_HARMLESS = {
  "the temperature and the bias of training": ["init_logit_scale", "init_logit_bias", "nonscalar_logit_scale"],
  "how results are returned": ["output_dict"],
  "the caller chooses the dtype": ["cast_dtype"],
  "only names of tensors, which show it": ["custom_text"],
  "read only with multimodal_cfg": ["pad_id"],
};

/** open_clip's `QuickGELU` takes no arguments. */
export const checkActivation = rule(
  z.object({ quick_gelu: z.optional(flag), text_cfg: withActivation(), vision_cfg: withActivation() }),
  ({ quick_gelu: quick, ...encoders }) =>
    Object.entries(encoders)
      .filter(([, encoder]) => quick && encoder?.act_kwargs?.approximate !== undefined)
      .map(([key]) => ({
        path: [key, "act_kwargs"],
        message: "is not allowed with quick_gelu, which takes no arguments",
      })),
);

function withActivation() {
  return z.optional(z.object({ act_kwargs: z.optional(z.object({ approximate: z.optional(z.string()) })) }));
}

/**
 * @see https://github.com/mlfoundations/open_clip/blob/30573618fc375b12f094ef64cb3a1391cf611c45/src/open_clip/model.py#L34-L71
 * @see https://github.com/mlfoundations/open_clip/blob/30573618fc375b12f094ef64cb3a1391cf611c45/src/open_clip/model.py#L74-L112
 */
export const openClipModelConfig = knownKeys(openClipModel, OPEN_CLIP_HARMLESS).check(checkActivation);
export type OpenClipModelConfig = z.output<typeof openClipModelConfig>;

/** Of the preprocessing, DALLE2-pytorch's adapters use the mean and the standard deviation, and resize by themselves. */
export const preprocessConfig = knownKeys(
  { mean: z.optional(rgb), std: z.optional(rgb) },
  { "not used by the adapters": ["size", "mode", "interpolation", "resize_mode", "fill_color"] },
);
