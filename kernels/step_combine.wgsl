// Two tensors by the numbers of the current pass: y = a · scale_a + b · scale_b.
//
// a, b, y: f32 of `vectors` vec4s; numbers: [scale_a, scale_b] of each pass, of which counter[0] is the current one.
// One invocation per vec4.
//
//: use lib/grid.wgsl

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> numbers: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> counter: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> params: Params;

struct Params {
  vectors: u32,
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
  let scales = numbers[counter[0]];
  y[index] = a[index] * scales.x + b[index] * scales.y;
}
