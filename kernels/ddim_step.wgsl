// One step of DDIM (Song et al. 2021, equation 12): y = x0 · scale_x0 + epsilon · scale_epsilon + noise · scale_noise.
//
// epsilon is the network's prediction, or computed from x0: (x · recip - x0) / recipm1 with recip = √(1/ᾱ) and recipm1
// = √(1/ᾱ - 1). x, x0, noise, y: f32 [rows, channels4]. epsilon: [rows, epsilon_channels4]; only its first `channels`
// channels are read. numbers: [scale_x0, scale_epsilon, scale_noise, recip, recipm1] of each pass, in two vec4s.
// counter[0] is the current pass. One invocation per vec4.
//
//: use lib/channels.wgsl
//: use lib/elementwise.wgsl

alias Prediction = f32;

override HAS_EPSILON: bool = false;
override HAS_NOISE: bool = false;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> x0: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> epsilon: array<vec4<Prediction>>;
@group(0) @binding(3) var<storage, read> noise: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> numbers: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> counter: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(7) var<uniform> params: Params;

struct Params {
  invocations: u32,
  channels: u32,
  channels4: u32,
  epsilon_channels4: u32,
}

fn epsilon_at(index: u32) -> vec4<f32> {
  if (!HAS_EPSILON) {
    let recip = numbers[2u * counter[0]].w;
    let recipm1 = numbers[2u * counter[0] + 1u].x;
    return (x[index] * recip - x0[index]) / recipm1;
  }
  let column = index % params.channels4;
  let predicted = vec4<f32>(epsilon[index / params.channels4 * params.epsilon_channels4 + column]);
  return zero_padding(predicted, column * 4u, params.channels);
}

fn run(index: u32) {
  let scales = numbers[2u * counter[0]];
  var value = x0[index] * scales.x + epsilon_at(index) * scales.y;
  if (HAS_NOISE) {
    value += noise[index] * scales.z;
  }
  y[index] = value;
}
