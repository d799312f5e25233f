/** The configs of `kakaobrain/karlo-v1-alpha` in full size, as they were published. */

const PLAIN_DOWN = "ResnetDownsampleBlock2D";
const CROSS_DOWN = "SimpleCrossAttnDownBlock2D";
const PLAIN_UP = "ResnetUpsampleBlock2D";
const CROSS_UP = "SimpleCrossAttnUpBlock2D";

export const PRIOR = {
  _class_name: "PriorTransformer",
  additional_embeddings: 4,
  attention_head_dim: 64,
  dropout: 0.0,
  embedding_dim: 768,
  num_attention_heads: 32,
  num_embeddings: 77,
  num_layers: 20,
};

export const TEXT_PROJECTION = {
  _class_name: "UnCLIPTextProjModel",
  clip_embeddings_dim: 768,
  clip_extra_context_tokens: 4,
  cross_attention_dim: 1536,
  time_embed_dim: 1280,
};

export const DECODER = {
  _class_name: "UNet2DConditionModel",
  act_fn: "silu",
  attention_head_dim: 64,
  block_out_channels: [320, 640, 960, 1280],
  center_input_sample: false,
  class_embed_type: "identity",
  cross_attention_dim: 1536,
  down_block_types: [PLAIN_DOWN, CROSS_DOWN, CROSS_DOWN, CROSS_DOWN],
  downsample_padding: 1,
  dual_cross_attention: false,
  flip_sin_to_cos: true,
  freq_shift: 0,
  in_channels: 3,
  layers_per_block: 3,
  mid_block_scale_factor: 1,
  mid_block_type: "UNetMidBlock2DSimpleCrossAttn",
  norm_eps: 1e-5,
  norm_num_groups: 32,
  num_class_embeds: null,
  only_cross_attention: false,
  out_channels: 6,
  resnet_time_scale_shift: "scale_shift",
  sample_size: 64,
  up_block_types: [CROSS_UP, CROSS_UP, CROSS_UP, PLAIN_UP],
  upcast_attention: false,
  use_linear_projection: false,
};

export const SUPER_RESOLUTION = {
  _class_name: "UNet2DModel",
  act_fn: "silu",
  add_attention: false,
  attention_head_dim: 8,
  block_out_channels: [320, 640, 960, 1280],
  center_input_sample: false,
  down_block_types: [PLAIN_DOWN, PLAIN_DOWN, PLAIN_DOWN, PLAIN_DOWN],
  downsample_padding: 1,
  flip_sin_to_cos: true,
  freq_shift: 0,
  in_channels: 6,
  layers_per_block: 3,
  mid_block_scale_factor: 1,
  norm_eps: 1e-5,
  norm_num_groups: 32,
  out_channels: 3,
  resnet_time_scale_shift: "default",
  sample_size: 256,
  time_embedding_type: "positional",
  up_block_types: [PLAIN_UP, PLAIN_UP, PLAIN_UP, PLAIN_UP],
};
