/**
 * What `base_model_kwargs` of a CLIP may contain, by its make. For OpenAI's architecture it is the model's config as
 * open_clip or the transformers library publish it with the weights; for x-clip and CoCa the arguments of their
 * constructors. Unknown keys are refused, because they may change the numbers.
 */
import * as z from "zod/mini";
import { knownKeys, never, preprocess, strictKeys, withoutNulls } from "../../../config/known-keys.js";
import {
  checkActivation,
  OPEN_CLIP_HARMLESS,
  openClipModel,
  openClipModelConfig,
  preprocessConfig,
} from "./open-clip-config.js";
import { TRANSFORMERS_HARMLESS, transformersModel } from "./transformers-clip-config.js";
import { rule } from "../../../config/rule.js";

const count = z.int().check(z.positive());
const flag = z.boolean();

/**
 * From open_clip: a model's config (`ViT-H-14.json`), or the hub's `open_clip_config.json` around it. From the transformers
 * library: `config.json`. Facts from shapes are compared with it; the rest is read.
 */
export const openAiClipConfig = knownKeys(
  {
    ...openClipModel,
    model_cfg: z.optional(openClipModelConfig),
    preprocess_cfg: z.optional(preprocessConfig),
    ...transformersModel,
  },
  { ...OPEN_CLIP_HARMLESS, ...TRANSFORMERS_HARMLESS },
).check(checkActivation);
export type OpenAiClipConfig = z.output<typeof openAiClipConfig>;

/** Arguments of x-clip's `CLIP` (0.14.4), as DALLE2-pytorch's adapter uses it: only its encoders, without a mask. */
export const xClipConfig = knownKeys(
  {
    dim_text: z._default(count, 512),
    dim_image: z._default(count, 512),
    dim_latent: z._default(count, 512),
    num_text_tokens: z._default(count, 10000),
    text_enc_depth: z._default(count, 6),
    text_seq_len: z._default(count, 256),
    text_heads: z._default(count, 8),
    text_dim_head: z._default(count, 64),
    text_rotary_pos_emb: z._default(flag, false),
    visual_enc_depth: z._default(count, 6),
    visual_heads: z._default(count, 8),
    visual_dim_head: z._default(count, 64),
    visual_image_size: z._default(count, 256),
    visual_patch_size: z._default(count, 32),
    channels: z._default(count, 3),
    use_mlm: z._default(flag, false),
    text_causal_mask: z._default(z.literal(false, { error: "the reference does not run a CLIP with it" }), false),
    downsample_image_embeds: z._default(
      z.literal(false, { error: "the reference does not run a CLIP with it" }),
      false,
    ),
    image_encoder: never("an encoder of your own"),
    text_encoder: never("an encoder of your own"),
    /** Our own: attention by cosines, as only in x-clip 0.10. A state dict does not show it. */
    cosine_sim_attn: z._default(flag, false),
  },
  {
    "of training": [
      "visual_patch_dropout",
      "checkpoint_during_training",
      "decoupled_contrastive_learning",
      "extra_latent_projection",
      "multiview_loss_weight",
      "sim_reg_loss_weight",
      "image_ssl_loss_weight",
      "text_ssl_loss_weight",
      "use_visual_ssl",
      "visual_ssl",
      "visual_ssl_type",
      "visual_ssl_hidden_layer",
      "simclr_temperature",
      "mlm_mask_prob",
      "mlm_replace_prob",
      "mlm_num_tokens",
      "mlm_random_token_prob",
      "mlm_mask_token_id",
      "mlm_pad_token_id",
      "mlm_mask_ignore_token_ids",
    ],
    "read by CLIP's forward, which the adapter does not call": [
      "text_has_cls_token",
      "visual_has_cls_token",
      "text_encode_without_mask",
      "text_pad_id",
      "use_all_token_embeds",
    ],
    "read only with text_causal_mask": ["text_eos_id"],
  },
);
export type XClipConfig = z.output<typeof xClipConfig>;

/** Argument names are those of vit-pytorch; `image_size` and `channels` are those of the CoCa. */
const vitArguments = {
  patch_size: count,
  dim: count,
  depth: count,
  heads: count,
  dim_head: z._default(count, 64),
  mlp_dim: count,
  image_size: z.optional(count),
  channels: z.optional(count),
};

/** The tokens are read before any of these has an effect. */
const VIT_HARMLESS = {
  "of its head, after the tokens": ["num_classes", "pool"],
  "of training": ["dropout", "emb_dropout"],
};

/**
 * The module that CoCa's constructor gets as `img_encoder`, which the reference's config cannot name. `patch`: a convolution
 * `proj` with a patch's size and stride, and a layer norm `norm`. `vit` and `simple_vit`: vit-pytorch's `ViT` and
 * `SimpleViT` inside its `Extractor`, which returns the tokens of their transformer.
 */
const imageEncoder = preprocess(
  withoutNulls,
  z.discriminatedUnion("make", [
    strictKeys({ make: z.literal("patch"), dim: count, patch_size: count }),
    strictKeys({ make: z.literal("vit"), ...vitArguments }, VIT_HARMLESS),
    strictKeys({ make: z.literal("simple_vit"), ...vitArguments }, VIT_HARMLESS),
  ]),
);
export type ImageEncoderConfig = z.output<typeof imageEncoder>;

/** An image encoder may repeat what the CoCa says about images, but not contradict it. */
const checkImages = rule(
  z.object({
    image_size: count,
    image_channels: count,
    img_encoder: z.object({ image_size: z.optional(count), channels: z.optional(count) }),
  }),
  ({ image_size: size, image_channels: channels, img_encoder: encoder }) => [
    ...contradiction("image_size", encoder.image_size, size),
    ...contradiction("channels", encoder.channels, channels),
  ],
);

function contradiction(key: string, found: number | undefined, expected: number) {
  if (found === undefined || found === expected) return [];
  return [{ path: ["img_encoder", key], message: `expected ${expected}, as the CoCa itself has it`, found }];
}

/** Arguments of CoCa-pytorch's `CoCa` (0.1.0), and those of DALLE2-pytorch's adapter. */
export const cocaConfig = knownKeys(
  {
    dim: count,
    num_tokens: count,
    unimodal_depth: count,
    image_dim: z.optional(count),
    num_img_queries: z._default(count, 256),
    dim_head: z._default(count, 64),
    heads: z._default(count, 8),
    ff_mult: z._default(count, 4),
    /** The token that pads texts, which the class token does not see. */
    pad_id: z._default(z.int(), 0),
    img_encoder: imageEncoder,
    image_size: count,
    image_channels: z._default(count, 3),
    max_text_len: count,
  },
  {
    "of the captioner, which embeddings do not use": ["multimodal_depth"],
    "after the embeddings that the adapter reads": ["dim_latents"],
    "of training": ["caption_loss_weight", "contrastive_loss_weight"],
  },
).check(checkImages);
export type CocaConfig = z.output<typeof cocaConfig>;
