// Inpainting: y = known where the mask is set, else x.
//
// x, known, y: f32 [pixels, channels4]; mask: f32 [pixels, 1], padded to one vec4; any value but zero is set.
// One invocation per vec4.
//
//: use lib/grid.wgsl

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> known: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> mask: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

struct Params {
  vectors: u32,
  channels4: u32,
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
  y[index] = select(x[index], known[index], mask[index / params.channels4].x != 0.0);
}
