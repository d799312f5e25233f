// One ancestral step of DDPM (Ho et al. 2020): y = x0 · scale_x0 + x · scale_x + exp(log_variance / 2) · noise.
//
// With LEARNED the log variance is between min_log and max_log. The network predicts the fraction, after its first
// `channels` channels (Nichol & Dhariwal 2021, equation 15): (v + 1) / 2, or the sigmoid of that. Otherwise min_log is
// the log variance. x, x0, noise, y: f32 [rows, channels4]; prediction: [rows, prediction_channels4]; numbers:
// [scale_x0, scale_x, min_log, max_log] of each pass. counter[0] is the current pass. One invocation per vec4.
//
//: use lib/activation.wgsl
//: use lib/elementwise.wgsl

alias Prediction = f32;

override HAS_NOISE: bool = false;
override LEARNED: bool = false;
override SIGMOID: bool = false;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> x0: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> prediction: array<vec4<Prediction>>;
@group(0) @binding(3) var<storage, read> noise: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> numbers: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> counter: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(7) var<uniform> params: Params;

struct Params {
  invocations: u32,
  channels: u32,
  channels4: u32,
  prediction_channels4: u32,
}

fn log_variance(index: u32) -> vec4<f32> {
  let min_log = numbers[counter[0]].z;
  let max_log = numbers[counter[0]].w;
  if (!LEARNED) {
    return vec4<f32>(min_log);
  }
  let base = index / params.channels4 * params.prediction_channels4;
  let first = index % params.channels4 * 4u;
  var v = vec4<f32>(0.0);
  for (var i = 0u; i < 4u && first + i < params.channels; i++) {
    let at = params.channels + first + i;
    v[i] = f32(prediction[base + at / 4u][at % 4u]);
  }
  var fraction = (v + 1.0) * 0.5;
  if (SIGMOID) {
    fraction = sigmoid(fraction);
  }
  return fraction * max_log + (1.0 - fraction) * min_log;
}

fn run(index: u32) {
  let scales = numbers[counter[0]];
  var value = x0[index] * scales.x + x[index] * scales.y;
  if (HAS_NOISE) {
    value += exp(0.5 * log_variance(index)) * noise[index];
  }
  y[index] = value;
}
