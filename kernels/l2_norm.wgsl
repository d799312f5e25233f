// y = x / max(|x|, eps) · scale over the last axis.
//
// x, y: [rows, channels4]. One workgroup per row. The padding is zero, so it takes no part.
//
//: use lib/grid.wgsl
//: use lib/reduce.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read_write> y: array<Element4>;
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  rows: u32,
  channels4: u32,
  eps: f32,
  scale: f32,
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = flat_workgroup(wid, count);
  if (row >= params.rows) {
    return;
  }
  let start = row * params.channels4;
  var squares = 0.0;
  for (var i = lane; i < params.channels4; i += WORKGROUP) {
    let value = vec4<f32>(x[start + i]);
    squares += dot(value, value);
  }
  let length = sqrt(workgroup_sum(lane, squares));
  let factor = params.scale / max(length, params.eps);
  for (var i = lane; i < params.channels4; i += WORKGROUP) {
    y[start + i] = Element4(vec4<f32>(x[start + i]) * factor);
  }
}
