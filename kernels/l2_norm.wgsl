// y = x / max(|x|, eps) · scale over the last axis.
//
// x, y: [rows, channels4]. One team per row. The padding is zero, so it does not count.
//
//: use lib/reduce.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

struct Params {
  rows: u32,
  channels4: u32,
  eps: f32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read_write> y: array<Element4>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let team = team_index(wid, count, lane);
  let start = min(team, params.rows - 1u) * params.channels4;
  let member = lane % TEAM;
  var squares = 0.0;
  for (var i = member; i < params.channels4; i += TEAM) {
    let value = vec4<f32>(x[start + i]);
    squares += dot(value, value);
  }
  let length = sqrt(team_sum(lane, squares));
  if (team >= params.rows) {
    return;
  }
  let factor = params.scale / max(length, params.eps);
  for (var i = member; i < params.channels4; i += TEAM) {
    y[start + i] = Element4(vec4<f32>(x[start + i]) * factor);
  }
}
