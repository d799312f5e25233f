// Group norm, second of three kernels: joins the partial statistics of a group and computes the coefficients of
// y = (x - mean) · gain + shift for each channel.
//
// partials: the output of the first kernel; coefficients: [batch, 3, stride] (means, gains, shifts), f32. gain = weight
// / sqrt(variance + eps) · (scale + 1) and shift = bias · (scale + 1) + shift. scale_shift is [batch, 2 · channels]:
// scales, then shifts. One workgroup, which is one team, per (batch, group).
//
//: use lib/grid.wgsl
//: use lib/group_norm.wgsl
//: use lib/reduce.wgsl

alias Element = f32;

struct Params {
  batch: u32,
  positions: u32,
  channels: u32,
  stride: u32,
  groups: u32,
  chunks: u32,
  chunk_size: u32,
  has_scale_shift: u32,
  scale_shift_stride: u32,
  scale_shift_start: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> scale_shift: array<Element>;
@group(0) @binding(4) var<storage, read_write> coefficients: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = flat_workgroup(wid, count);
  let group = index % params.groups;
  let sample = index / params.groups;
  if (sample >= params.batch) {
    return;
  }
  let width = params.channels / params.groups;
  let first = group * width;
  let entries = params.chunks * width;
  let size = f32(params.positions * width);

  var sum = 0.0;
  for (var i = lane; i < entries; i += WORKGROUP) {
    let chunk = i / width;
    sum += partial_mean(sample, chunk, first + i % width) * chunk_length(chunk);
  }
  let mean = team_sum(lane, sum) / size;

  var squares = 0.0;
  var distances = 0.0;
  for (var i = lane; i < entries; i += WORKGROUP) {
    let chunk = i / width;
    let channel = first + i % width;
    let distance = partial_mean(sample, chunk, channel) - mean;
    distances += chunk_length(chunk) * distance;
    squares += partial_squares(sample, chunk, channel) + chunk_length(chunk) * distance * distance;
  }
  let deviation = inverseSqrt(team_sum(lane, squares) / size + params.eps);
  // What the mean lost by rounding.
  let rest = team_sum(lane, distances) / size;

  for (var i = lane; i < width; i += WORKGROUP) {
    write_coefficients(sample, first + i, mean, rest, deviation);
  }
  if (group == params.groups - 1u && params.channels + lane < params.stride) {
    write_padding(sample, params.channels + lane);
  }
}

fn chunk_length(chunk: u32) -> f32 {
  return f32(min(params.chunk_size, params.positions - chunk * params.chunk_size));
}

fn partial_mean(sample: u32, chunk: u32, channel: u32) -> f32 {
  return partials[(sample * params.chunks + chunk) * STATISTICS * params.stride + channel];
}

fn partial_squares(sample: u32, chunk: u32, channel: u32) -> f32 {
  return partials[((sample * params.chunks + chunk) * STATISTICS + 1u) * params.stride + channel];
}

fn write_coefficients(sample: u32, channel: u32, mean: f32, rest: f32, deviation: f32) {
  var gain = weight[channel] * deviation;
  var shift = bias[channel] - rest * gain;
  if (params.has_scale_shift != 0u) {
    let row = sample * params.scale_shift_stride + params.scale_shift_start;
    let scale = f32(scale_shift[row + channel]) + 1.0;
    gain *= scale;
    shift = shift * scale + f32(scale_shift[row + params.channels + channel]);
  }
  let row = sample * COEFFICIENTS * params.stride;
  coefficients[row + channel] = mean;
  coefficients[row + params.stride + channel] = gain;
  coefficients[row + 2u * params.stride + channel] = shift;
}

/// Zero for padding: zero gain and shift keep the padding of y zero.
fn write_padding(sample: u32, channel: u32) {
  for (var i = 0u; i < COEFFICIENTS; i++) {
    coefficients[(sample * COEFFICIENTS + i) * params.stride + channel] = 0.0;
  }
}
