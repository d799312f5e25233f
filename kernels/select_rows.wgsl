// Replaces tokens: y[b, l] = tokens[b, l] if the token exists, its mask is set and its sample is kept, otherwise
// fallback[l].
//
// tokens: [batch, tokens_length, channels4]; fallback: [length, channels4]; mask: u32 [batch, mask_stride]; keep_mask:
// u32 [batch]; y: [batch, length, channels4]. One invocation per vec4 of y.
//
//: use lib/elementwise.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

override HAS_MASK: bool = false;

@group(0) @binding(0) var<storage, read> tokens: array<Element4>;
@group(0) @binding(1) var<storage, read> fallback: array<Element4>;
@group(0) @binding(2) var<storage, read> mask: array<u32>;
@group(0) @binding(3) var<storage, read> keep_mask: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<Element4>;
@group(0) @binding(5) var<uniform> params: Params;

struct Params {
  invocations: u32,
  length: u32,
  tokens_length: u32,
  mask_stride: u32,
  channels4: u32,
}

fn is_selected(sample: u32, position: u32) -> bool {
  if (position >= params.tokens_length || keep_mask[sample] == 0u) {
    return false;
  }
  return !HAS_MASK || mask[sample * params.mask_stride + position] != 0u;
}

fn run(index: u32) {
  let row = index / params.channels4;
  let column = index % params.channels4;
  let sample = row / params.length;
  let position = row % params.length;
  if (is_selected(sample, position)) {
    y[index] = tokens[(sample * params.tokens_length + position) * params.channels4 + column];
  } else {
    y[index] = fallback[position * params.channels4 + column];
  }
}
