// Dynamic thresholding (Saharia et al. 2022, Imagen): y = clamp(x, -s, s) / s with s = max(threshold of the sample, 1).
//
// x, y: f32 [batch, sample_vectors]; threshold: f32 [batch, 1], padded to one vec4. One invocation per vec4.
//
//: use lib/grid.wgsl
//: use lib/numbers.wgsl

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> threshold: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

struct Params {
  vectors: u32,
  sample_vectors: u32,
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = flat_workgroup(wid, count) * WORKGROUP + lane;
  if (index >= params.vectors) {
    return;
  }
  let found = threshold[index / params.sample_vectors].x;
  // Not by max, which may give 1 for what is not a number.
  let s = select(found, 1.0, found < 1.0);
  y[index] = clamp_numbers(x[index], -s, s) / s;
}
