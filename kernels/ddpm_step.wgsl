// One ancestral step of DDPM (Ho et al. 2020): y = x0 · scale_x0 + x · scale_x + exp(log_variance / 2) · noise.
//
// With LEARNED the log variance lies between min_log and max_log, at the fraction that the network predicts in the
// channels behind its first `channels` (Nichol & Dhariwal 2021, equation 15): (v + 1) / 2, or its sigmoid.
// x, x0, noise, y: f32 [rows, channels4]; prediction: [rows, prediction_channels4]. One invocation per vec4.
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
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> params: Params;

struct Params {
  invocations: u32,
  channels: u32,
  channels4: u32,
  prediction_channels4: u32,
  scale_x0: f32,
  scale_x: f32,
  // The log variance, or its bounds where it is learned.
  min_log: f32,
  max_log: f32,
}

fn log_variance(index: u32) -> vec4<f32> {
  if (!LEARNED) {
    return vec4<f32>(params.min_log);
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
  return fraction * params.max_log + (1.0 - fraction) * params.min_log;
}

fn run(index: u32) {
  var value = x0[index] * params.scale_x0 + x[index] * params.scale_x;
  if (HAS_NOISE) {
    value += exp(0.5 * log_variance(index)) * noise[index];
  }
  y[index] = value;
}
