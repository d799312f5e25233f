// Params of all kernels of attention: the same call runs any of them.

struct Params {
  batch: u32,
  queries: u32,
  keys: u32,
  heads: u32,
  kv_heads: u32,
  dim_head4: u32,
  slab4: u32,
  q_stride4: u32,
  k_stride4: u32,
  v_stride4: u32,
  q_offset4: u32,
  k_offset4: u32,
  v_offset4: u32,
  bias_stride: u32,
  mask_stride: u32,
  scale: f32,
  causal: u32,
  has_null: u32,
  has_bias: u32,
  has_mask: u32,
  // Position of the first query. Other than 0 if q is a part of a sequence.
  first_query: u32,
}
