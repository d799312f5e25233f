/**
 * `config.json` of a `CLIPModel` in the transformers library (4.x, configuration_clip.py): the fields of `CLIPTextConfig`,
 * `CLIPVisionConfig` and `CLIPConfig`, and those of all models' configs, most of which are for text generation.
 */
import * as z from "zod/mini";
import { knownKeys, only, type HarmlessKeys } from "../../../config/known-keys.js";

const count = z.int().check(z.positive());

/** Supported values of `hidden_act`. Some are several names for one function. */
export const hiddenAct = z.enum([
  "quick_gelu",
  "gelu",
  "gelu_python",
  "gelu_new",
  "gelu_pytorch_tanh",
  "gelu_python_tanh",
  "gelu_fast",
  "gelu_accurate",
  "relu",
  "silu",
  "swish",
  "linear",
]);
export type HiddenAct = z.output<typeof hiddenAct>;

/** Keys that any config may have (configuration_utils.py) and that no CLIP uses. */
const ANY_MODEL: HarmlessKeys = {
  "its origin and purpose": [
    "_name_or_path",
    "name_or_path",
    "_commit_hash",
    "architectures",
    "finetuning_task",
    "problem_type",
    "task_specific_params",
    "tokenizer_class",
    "transformers_version",
    "id2label",
    "label2id",
    "num_labels",
    "prefix",
    "transformers.js_config",
  ],
  "of training, and of initial weights": [
    "attention_dropout",
    "dropout",
    "gradient_checkpointing",
    "initializer_factor",
    "initializer_range",
  ],
  "how it is run, and its dtype": [
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_attn_implementation_internal",
    "_flash_attn_2_enabled",
    "attn_implementation",
    "chunk_size_feed_forward",
    "dtype",
    "torch_dtype",
    "torchscript",
    "use_bfloat16",
    "use_cache",
    "tf_legacy_loss",
    "xla_device",
    "output_attentions",
    "output_hidden_states",
    "return_dict",
  ],
  "of models that decode": [
    "add_cross_attention",
    "cross_attention_hidden_size",
    "decoder_start_token_id",
    "is_composition",
    "is_decoder",
    "is_encoder_decoder",
    "tie_encoder_decoder",
    "tie_word_embeddings",
  ],
  "of generating text": [
    "bad_words_ids",
    "begin_suppress_tokens",
    "diversity_penalty",
    "do_sample",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "exponential_decay_length_penalty",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "length_penalty",
    "max_length",
    "min_length",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "output_scores",
    "remove_invalid_values",
    "repetition_penalty",
    "return_dict_in_generate",
    "suppress_tokens",
    "temperature",
    "top_k",
    "top_p",
    "typical_p",
  ],
  "of tokenisers": ["bos_token_id", "cls_token_id", "mask_token_id", "pad_token_id", "sep_token_id", "unk_token_id"],
};

const tower = {
  hidden_size: z.optional(count),
  intermediate_size: z.optional(count),
  num_hidden_layers: z.optional(count),
  num_attention_heads: z.optional(count),
  hidden_act: z.optional(hiddenAct),
  layer_norm_eps: z.optional(z.number().check(z.nonnegative())),
  pruned_heads: only([{}, []], "attention without some of its heads"),
};

/** The width of the common space is the one in the whole model's config. */
const PROJECTION: HarmlessKeys = { "of the whole model's config": ["projection_dim"] };

const text = {
  ...tower,
  max_position_embeddings: z.optional(count),
  vocab_size: z.optional(count),
  eos_token_id: z.optional(z.int().check(z.nonnegative())),
  model_type: only(["clip_text_model", "clip"], "another text encoder than CLIP's"),
};
const textConfig = knownKeys(text, { ...ANY_MODEL, ...PROJECTION });
export type TransformersTextConfig = z.output<typeof textConfig>;

const vision = {
  ...tower,
  image_size: z.optional(count),
  patch_size: z.optional(count),
  num_channels: only(3, "images of other than three channels"),
  model_type: only(["clip_vision_model", "clip"], "another image encoder than CLIP's"),
};
const VISION_HARMLESS = { ...ANY_MODEL, "of models that generate": ["eos_token_id"] };
const visionConfig = knownKeys(vision, { ...VISION_HARMLESS, ...PROJECTION });
export type TransformersVisionConfig = z.output<typeof visionConfig>;

/** `config.json` of a `CLIPTextModelWithProjection`. Missing keys have the defaults of `CLIPTextConfig`. */
export const textModelConfig = knownKeys(
  {
    ...text,
    hidden_size: z._default(count, 512),
    intermediate_size: z._default(count, 2048),
    num_hidden_layers: z._default(count, 12),
    max_position_embeddings: z._default(count, 77),
    vocab_size: z._default(count, 49408),
    projection_dim: z._default(count, 512),
  },
  ANY_MODEL,
);

/** `config.json` of a `CLIPVisionModelWithProjection`. Missing keys have the defaults of `CLIPVisionConfig`. */
export const visionModelConfig = knownKeys(
  {
    ...vision,
    hidden_size: z._default(count, 768),
    intermediate_size: z._default(count, 3072),
    num_hidden_layers: z._default(count, 12),
    image_size: z._default(count, 224),
    patch_size: z._default(count, 32),
    projection_dim: z._default(count, 512),
  },
  VISION_HARMLESS,
);

/** Keys of a model's config. If `text_config_dict` is given, it and its defaults replace `text_config`. */
export const transformersModel = {
  text_config: z.optional(textConfig),
  vision_config: z.optional(visionConfig),
  text_config_dict: z.optional(textConfig),
  vision_config_dict: z.optional(visionConfig),
  projection_dim: z.optional(count),
  model_type: only("clip", "another model than CLIP"),
};

export const TRANSFORMERS_HARMLESS: HarmlessKeys = {
  ...ANY_MODEL,
  "of models that generate": ["eos_token_id"],
  "the temperature of training": ["logit_scale_init_value"],
};
