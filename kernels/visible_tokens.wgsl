// Finds the tokens that attention may see. y[b, l] = 0 if the token is one of the first `optional` tokens of a sample
// that is not kept, or if the mask of the first `mask_length` tokens hides it; otherwise 1.
//
// mask: u32 [batch, mask_stride]; keep_mask: u32 [batch]; y: u32 [batch, stride]; stride is length rounded up to whole
// vec4s, and the padding is zero. One invocation per element of y.
//
//: use lib/elementwise.wgsl

@group(0) @binding(0) var<storage, read> mask: array<u32>;
@group(0) @binding(1) var<storage, read> keep_mask: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

struct Params {
  invocations: u32,
  length: u32,
  stride: u32,
  mask_length: u32,
  mask_stride: u32,
  optional: u32,
}

fn is_visible(sample: u32, position: u32) -> bool {
  if (position >= params.length || (position < params.optional && keep_mask[sample] == 0u)) {
    return false;
  }
  return position >= params.mask_length || mask[sample * params.mask_stride + position] != 0u;
}

fn run(index: u32) {
  let sample = index / params.stride;
  y[index] = u32(is_visible(sample, index % params.stride));
}
