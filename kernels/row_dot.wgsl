// Dot product of each row of a with the same row of b, summed in f32.
//
// a, b: [rows, channels4]; y: f32 [rows, 1], padded to one vec4 per row. One workgroup per row.
//
//: use lib/grid.wgsl
//: use lib/reduce.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> a: array<Element4>;
@group(0) @binding(1) var<storage, read> b: array<Element4>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

struct Params {
  rows: u32,
  channels4: u32,
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
  var sum = 0.0;
  for (var column = lane; column < params.channels4; column += WORKGROUP) {
    let index = row * params.channels4 + column;
    sum += dot(vec4<f32>(a[index]), vec4<f32>(b[index]));
  }
  let total = workgroup_sum(lane, sum);
  if (lane == 0u) {
    y[row] = vec4<f32>(total, 0.0, 0.0, 0.0);
  }
}
