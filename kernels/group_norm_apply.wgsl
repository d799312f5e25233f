// Group norm, last of three launches: y = activation((x - mean) · gain + shift).
//
// x, y: [batch, positions, channels4]; coefficients: [batch, 3, channels4], f32. One invocation per vec4.
//
//: use lib/activation.wgsl
//: use lib/grid.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

override WORKGROUP: u32 = 64u;
override ACTIVATION: u32 = 0u;

struct Params {
  batch: u32,
  positions: u32,
  channels4: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read> coefficients: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<Element4>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = flat_workgroup(wid, count) * WORKGROUP + lane;
  let sample = index / (params.positions * params.channels4);
  if (sample >= params.batch) {
    return;
  }
  let row = sample * 3u * params.channels4 + index % params.channels4;
  let mean = coefficients[row];
  let gain = coefficients[row + params.channels4];
  let shift = coefficients[row + 2u * params.channels4];
  let centred = vec4<f32>(x[index]) - mean;
  y[index] = Element4(activate(ACTIVATION, centred * gain + shift));
}
