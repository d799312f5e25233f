// Predicted x0: clamp((x · scale_x + prediction · scale_prediction) · scale, -limit, limit). Without a limit it is not
// clamped.
//
// x, x0: f32 [rows, channels4]; prediction: [rows, prediction_channels4]; only its first `channels` channels are read
// (a learned variance follows them). numbers: [scale_x, scale_prediction, scale] of each pass. counter[0] is the current
// pass. One invocation per vec4 of x0.
//
//: use lib/channels.wgsl
//: use lib/elementwise.wgsl
//: use lib/numbers.wgsl

alias Prediction = f32;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> prediction: array<vec4<Prediction>>;
@group(0) @binding(2) var<storage, read> numbers: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> counter: array<u32>;
@group(0) @binding(4) var<storage, read_write> x0: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> params: Params;

struct Params {
  invocations: u32,
  channels: u32,
  channels4: u32,
  prediction_channels4: u32,
  limit: f32,
  has_limit: u32,
}

fn run(index: u32) {
  let column = index % params.channels4;
  let row = index / params.channels4;
  let predicted = vec4<f32>(prediction[row * params.prediction_channels4 + column]);
  let scales = numbers[counter[0]];
  let value = (x[index] * scales.x + predicted * scales.y) * scales.z;
  let limited = select(value, clamp_numbers(value, -params.limit, params.limit), params.has_limit != 0u);
  x0[index] = zero_padding(limited, column * 4u, params.channels);
}
