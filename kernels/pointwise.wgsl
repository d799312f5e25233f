// Maps one operand elementwise: y = clamp(activation(x · scale + offset), low, high). Without `clamps`, infinities are
// kept.
//
// x, y: [rows, channels4]. One invocation per vec4.
//
//: use lib/activation.wgsl
//: use lib/channels.wgsl
//: use lib/elementwise.wgsl
//: use lib/numbers.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

override ACTIVATION: u32 = ACTIVATION_NONE;
// The number of channels is not a multiple of 4: an offset or a bound above zero must not change the padding.
override PADDED: bool = false;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read_write> y: array<Element4>;
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  invocations: u32,
  channels: u32,
  channels4: u32,
  scale: f32,
  offset: f32,
  clamps: u32,
  low: f32,
  high: f32,
}

fn run(index: u32) {
  let moved = vec4<f32>(x[index]) * params.scale + params.offset;
  var value = activate(ACTIVATION, moved);
  if (params.clamps != 0u) {
    value = clamp_numbers(value, params.low, params.high);
  }
  if (PADDED) {
    value = zero_padding(value, index % params.channels4 * 4u, params.channels);
  }
  y[index] = Element4(value);
}
