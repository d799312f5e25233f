// Group norm in one launch: y = activation((x - mean) · gain + shift) + residual, with gain = weight / sqrt(variance + eps) · (scale +
// 1) and shift = bias · (scale + 1) + shift.
//
// x, residual, y: [batch, positions, channels4]; scale_shift: [batch, ...], with scales and shifts of the channels from scale_shift_start4 on. One workgroup computes a block:
// the fewest whole groups that are whole vec4s, one to four groups. Its invocations are side by side in `columns` vec4s, and
// each stays in its column, so that coefficients are loaded once.
//
//: use lib/activation.wgsl
//: use lib/grid.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

override ACTIVATION: u32 = ACTIVATION_NONE;
override WORKGROUP: u32 = 8u;

struct Params {
  batch: u32,
  positions: u32,
  channels4: u32,
  // Blocks of a sample, vec4s of a block (the last may have fewer), and those of them that are read side by side.
  blocks: u32,
  block4: u32,
  columns: u32,
  // Channels of a group.
  width: u32,
  has_scale_shift: u32,
  scale_shift_stride4: u32,
  scale_shift_start4: u32,
  has_residual: u32,
  // WORKGROUP. Uniform data, because unrolled loops compile slowly on software adapters.
  invocations: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> scale_shift: array<Element4>;
@group(0) @binding(4) var<storage, read> residual: array<Element4>;
@group(0) @binding(5) var<storage, read_write> y: array<Element4>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = flat_workgroup(wid, count);
  let sample = index / params.blocks;
  if (sample >= params.batch) {
    return;
  }
  let block_start = index % params.blocks * params.block4;
  let block_end = min(block_start + params.block4, params.channels4);
  let first_column = block_start + lane % params.columns;
  let start = sample * params.positions * params.channels4;
  let first_position = lane / params.columns;
  let step = WORKGROUP / params.columns;

  var own = Statistics();
  for (var column = first_column; column < block_end; column += params.columns) {
    // Of each channel (Welford 1962).
    var count = 0.0;
    var mean = vec4<f32>(0.0);
    var squares = vec4<f32>(0.0);
    for (var p = first_position; p < params.positions; p += step) {
      let value = vec4<f32>(x[start + p * params.channels4 + column]);
      let delta = value - mean;
      count += 1.0;
      mean += delta / count;
      squares += delta * (value - mean);
    }
    let groups = groups_of(column - block_start);
    for (var i = 0u; i < 4u; i++) {
      own = joined(own, groups[i], count, mean[i], squares[i]);
    }
  }
  let size = f32(params.positions * params.width);
  let means = workgroup_sums(lane, mat2x4<f32>(own.mean * own.count, vec4<f32>()))[0] / size;
  let distance = own.mean - means;
  let sums = workgroup_sums(lane, mat2x4<f32>(distance * own.count, own.squares + own.count * distance * distance));
  // What the means lost by rounding.
  let rests = sums[0] / size;
  let deviations = inverseSqrt(sums[1] / size + params.eps);

  for (var column = first_column; column < block_end; column += params.columns) {
    let groups = groups_of(column - block_start);
    let mean = of_channels(means, groups);
    var gain = weight[column] * of_channels(deviations, groups);
    var shift = bias[column] - of_channels(rests, groups) * gain;
    if (params.has_scale_shift != 0u) {
      let at = sample * params.scale_shift_stride4 + params.scale_shift_start4 + column;
      let scale = vec4<f32>(scale_shift[at]) + 1.0;
      gain *= scale;
      shift = shift * scale + vec4<f32>(scale_shift[at + params.channels4]);
    }
    for (var p = first_position; p < params.positions; p += step) {
      let at = start + p * params.channels4 + column;
      var value = activate(ACTIVATION, (vec4<f32>(x[at]) - mean) * gain + shift);
      if (params.has_residual != 0u) {
        value += vec4<f32>(residual[at]);
      }
      y[at] = Element4(value);
    }
  }
}

/// Number of values, mean and centred sum of squares of each group of the block.
struct Statistics {
  count: vec4<f32>,
  mean: vec4<f32>,
  squares: vec4<f32>,
}

/// Joins statistics of a channel to those of its group (Chan et al. 1979).
fn joined(all: Statistics, group: u32, count: f32, mean: f32, squares: f32) -> Statistics {
  let is_group = vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(group);
  let total = max(all.count + count, vec4<f32>(1.0));
  let added = select(vec4<f32>(0.0), vec4<f32>(count), is_group);
  let distance = mean - all.mean;
  return Statistics(
    all.count + added,
    all.mean + distance * added / total,
    all.squares + select(vec4<f32>(0.0), squares + distance * distance * all.count * added / total, is_group),
  );
}

/// Returns the group in the block of each channel of a vec4.
fn groups_of(column: u32) -> vec4<u32> {
  return (column * 4u + vec4<u32>(0u, 1u, 2u, 3u)) / params.width;
}

fn of_channels(values: vec4<f32>, groups: vec4<u32>) -> vec4<f32> {
  return vec4<f32>(values[groups.x], values[groups.y], values[groups.z], values[groups.w]);
}

var<workgroup> shared_values: array<mat2x4<f32>, WORKGROUP>;

fn workgroup_sums(lane: u32, values: mat2x4<f32>) -> mat2x4<f32> {
  shared_values[lane] = values;
  workgroupBarrier();
  var sums = mat2x4<f32>();
  for (var i = 0u; i < params.invocations; i++) {
    sums += shared_values[i];
  }
  workgroupBarrier();
  return sums;
}
