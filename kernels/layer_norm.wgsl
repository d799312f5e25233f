// Layer norm over the last axis: y = (x - mean) / sqrt(variance + eps) · weight + bias + residual.
//
// x, residual, y: [rows, channels4]; weight, bias: [channels], f32. stable: x is first divided by its largest value. A
// negative one changes the sign of the row; a row whose largest value is 0 is not divided. One team per row.
//
//: use lib/channels.wgsl
//: use lib/numbers.wgsl
//: use lib/reduce.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

struct Params {
  rows: u32,
  channels: u32,
  channels4: u32,
  eps: f32,
  stable: u32,
  has_weight: u32,
  has_bias: u32,
  has_residual: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<Element4>;
@group(0) @binding(4) var<storage, read_write> y: array<Element4>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let team = team_index(wid, count, lane);
  let start = min(team, params.rows - 1u) * params.channels4;
  let member = lane % TEAM;
  let size = f32(params.channels);

  var divisor = 1.0;
  if (params.stable != 0u) {
    var largest = LOWEST;
    for (var i = member; i < params.channels4; i += TEAM) {
      let exists = existing_channels(i * 4u, params.channels);
      largest = max(largest, max_of(select(vec4<f32>(LOWEST), vec4<f32>(x[start + i]), exists)));
    }
    largest = team_max(lane, largest);
    divisor = select(largest, 1.0, largest == 0.0);
  }

  var sum = vec4<f32>(0.0);
  for (var i = member; i < params.channels4; i += TEAM) {
    sum += vec4<f32>(x[start + i]) / divisor;
  }
  let mean = team_sum(lane, sum_of(sum)) / size;

  var squares = vec4<f32>(0.0);
  for (var i = member; i < params.channels4; i += TEAM) {
    let centred = zero_padding(vec4<f32>(x[start + i]) / divisor - mean, i * 4u, params.channels);
    squares += centred * centred;
  }
  let deviation = inverseSqrt(team_sum(lane, sum_of(squares)) / size + params.eps);

  if (team >= params.rows) {
    return;
  }
  for (var i = member; i < params.channels4; i += TEAM) {
    var value = (vec4<f32>(x[start + i]) / divisor - mean) * deviation;
    if (params.has_weight != 0u) {
      value *= weight[i];
    }
    if (params.has_bias != 0u) {
      value += bias[i];
    }
    if (params.has_residual != 0u) {
      value += vec4<f32>(residual[start + i]);
    }
    y[start + i] = Element4(zero_padding(value, i * 4u, params.channels));
  }
}
