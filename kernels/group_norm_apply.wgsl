// Group norm, last of three kernels: y = activation((x - mean) · gain + shift) + residual.
//
// x, residual, y: [batch, positions, channels4]; coefficients: [batch, 3, channels4], f32. One invocation per vec4.
//
//: use lib/activation.wgsl
//: use lib/elementwise.wgsl
//: use lib/group_norm.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

override ACTIVATION: u32 = ACTIVATION_NONE;

struct Params {
  invocations: u32,
  positions: u32,
  channels4: u32,
  has_residual: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read> coefficients: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> residual: array<Element4>;
@group(0) @binding(3) var<storage, read_write> y: array<Element4>;
@group(0) @binding(4) var<uniform> params: Params;

fn run(index: u32) {
  let sample = index / (params.positions * params.channels4);
  let row = sample * COEFFICIENTS * params.channels4 + index % params.channels4;
  let mean = coefficients[row];
  let gain = coefficients[row + params.channels4];
  let shift = coefficients[row + 2u * params.channels4];
  let centred = vec4<f32>(x[index]) - mean;
  var value = activate(ACTIVATION, centred * gain + shift);
  if (params.has_residual != 0u) {
    value += vec4<f32>(residual[index]);
  }
  y[index] = Element4(value);
}
