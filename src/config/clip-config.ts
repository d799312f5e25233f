/**
 * What `base_model_kwargs` of a CLIP may hold, by its make. For OpenAI's architecture it is the model's config as open_clip
 * or the transformers library publish it beside the weights; for x-clip and CoCa the arguments of their constructors.
 */
import { z } from "zod";

const count = z.int().positive();
const rgb = z.tuple([z.number(), z.number(), z.number()]);
const flag = z.boolean();

const transformersTower = z.looseObject({
  hidden_act: z.enum(["quick_gelu", "gelu"]).nullish(),
  num_attention_heads: count.nullish(),
});

const openClipModel = {
  quick_gelu: flag.nullish(),
  vision_cfg: z.looseObject({ head_width: count.nullish() }).nullish(),
  text_cfg: z.looseObject({ heads: count.nullish() }).nullish(),
};

/**
 * Of open_clip: a model's config (`ViT-H-14.json`), or the hub's `open_clip_config.json` around it. Of the transformers
 * library: `config.json`. Only what shapes do not tell is read.
 */
export const openAiClipConfig = z.looseObject({
  ...openClipModel,
  model_cfg: z.looseObject(openClipModel).nullish(),
  preprocess_cfg: z.looseObject({ mean: rgb.nullish(), std: rgb.nullish() }).nullish(),
  text_config: transformersTower.nullish(),
  vision_config: transformersTower.nullish(),
});
export type OpenAiClipConfig = z.output<typeof openAiClipConfig>;

/** Arguments of x-clip's `CLIP` (0.14.4) that its encoders depend on. */
export const xClipConfig = z.looseObject({
  dim_text: count.default(512),
  dim_image: count.default(512),
  dim_latent: count.default(512),
  num_text_tokens: count.default(10000),
  text_enc_depth: count.default(6),
  text_seq_len: count.default(256),
  text_heads: count.default(8),
  text_dim_head: count.default(64),
  text_rotary_pos_emb: flag.default(false),
  visual_enc_depth: count.default(6),
  visual_heads: count.default(8),
  visual_dim_head: count.default(64),
  visual_image_size: count.default(256),
  visual_patch_size: count.default(32),
  channels: count.default(3),
  use_mlm: flag.default(false),
  text_causal_mask: z.literal(false, { error: "the reference does not run a CLIP with it" }).default(false),
  downsample_image_embeds: z.literal(false, { error: "the reference does not run a CLIP with it" }).default(false),
  /** Our own: the attention of x-clip 0.10 alone, by cosines, of which a state dict keeps no trace. */
  cosine_sim_attn: flag.default(false),
});
export type XClipConfig = z.output<typeof xClipConfig>;

/** Names of the arguments are vit-pytorch's; `image_size` and `channels` are those of the CoCa. */
const vitArguments = {
  patch_size: count,
  dim: count,
  depth: count,
  heads: count,
  dim_head: count.default(64),
  mlp_dim: count,
};

/**
 * The module that is given to CoCa's constructor as `img_encoder`, which upstream's config cannot name:
 * `patch` is a convolution `proj` of a patch's size and stride and a layer norm `norm`; `vit` and `simple_vit` are
 * vit-pytorch's `ViT` and `SimpleViT` behind its `Extractor`, that is, the tokens that their transformer puts out.
 */
const imageEncoder = z.discriminatedUnion("make", [
  z.looseObject({ make: z.literal("patch"), dim: count, patch_size: count }),
  z.looseObject({ make: z.literal("vit"), ...vitArguments }),
  z.looseObject({ make: z.literal("simple_vit"), ...vitArguments }),
]);
export type ImageEncoderConfig = z.output<typeof imageEncoder>;

/** Arguments of CoCa-pytorch's `CoCa` (0.1.0) that its encoders depend on, and those of DALLE2-pytorch's adapter. */
export const cocaConfig = z.looseObject({
  dim: count,
  num_tokens: count,
  unimodal_depth: count,
  image_dim: count.nullish(),
  num_img_queries: count.default(256),
  dim_head: count.default(64),
  heads: count.default(8),
  ff_mult: count.default(4),
  img_encoder: imageEncoder,
  image_size: count,
  image_channels: count.default(3),
  max_text_len: count,
});
export type CocaConfig = z.output<typeof cocaConfig>;
