// quantized[i, o] = round(w[i, o] / scale[o]), scale[o] = max |w[., o]| / 127
//
// Quantises a packed weight to whole numbers from -127 to 127 (lib/weights/int8.wgsl), four in each u32. w consists of vec4s:
// `[runs, units, inner]`. A unit is a vec4 of outputs, or in a transposed weight one output. w and quantized may have other units
// than those to quantise. One team per unit. Runs once, when weights are loaded.
//: use lib/reduce.wgsl

struct Params {
  // Units to quantise.
  units: u32,
  runs: u32,
  inner: u32,
  // Units of w, and the first to quantise.
  source_units: u32,
  first_source: u32,
  // The same of the result.
  target_units: u32,
  first_target: u32,
  is_transposed: u32,
}

@group(0) @binding(0) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> quantized: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

const LARGEST = 127.0;

// The bits of the largest f32. Those of infinities and NaN are larger.
const LARGEST_BITS = 0x7f7fffffu;
const NAN_BITS = 0x7fc00000u;
// 127 / x is finite for all larger x. Smaller weights count as zero.
const LEAST = 0x1p-100f;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let team = team_index(wid, count, lane);
  let unit = min(team, params.units - 1u);
  let member = lane % TEAM;
  let vectors = params.runs * params.inner;

  // Magnitudes are compared as bits, because max may ignore NaN.
  var most = vec4<u32>();
  for (var i = member; i < vectors; i += TEAM) {
    most = max(most, bitcast<vec4<u32>>(w[address(i, params.source_units, params.first_source + unit)]) & vec4(0x7fffffffu));
  }
  var largest = bitcast<vec4<f32>>(min(most, vec4(LARGEST_BITS)));
  largest = vec4<f32>(
    team_max(lane, largest.x), team_max(lane, largest.y), team_max(lane, largest.z), team_max(lane, largest.w));
  if (params.is_transposed != 0u) {
    largest = vec4<f32>(max(max(largest.x, largest.y), max(largest.z, largest.w)));
  }
  if (team >= params.units) {
    return;
  }

  let inverse = select(vec4<f32>(), LARGEST / largest, largest > vec4<f32>(LEAST));
  for (var i = member; i < vectors; i += TEAM) {
    let value = w[address(i, params.source_units, params.first_source + unit)] * inverse;
    let whole = vec4<u32>(vec4<i32>(clamp(round(value), vec4<f32>(-LARGEST), vec4<f32>(LARGEST)))) & vec4(0xffu);
    quantized[address(i, params.target_units, params.first_target + unit)] =
      whole.x | (whole.y << 8u) | (whole.z << 16u) | (whole.w << 24u);
  }

  if (member != 0u) {
    return;
  }
  // So that damaged weights give values that are not finite, as in other formats.
  let scales = select(
    bitcast<vec4<u32>>(select(vec4<f32>(), largest / LARGEST, largest > vec4<f32>(LEAST))),
    vec4(NAN_BITS),
    bitcast<vec4<u32>>(largest) == vec4(LARGEST_BITS));
  let scales_at = vectors * params.target_units;
  if (params.is_transposed != 0u) {
    quantized[scales_at + params.first_target + unit] = scales.x;
    return;
  }
  for (var j = 0u; j < 4u; j++) {
    quantized[scales_at + (params.first_target + unit) * 4u + j] = scales[j];
  }
}

/// Returns where vec4 `i` of a unit is.
fn address(i: u32, units: u32, unit: u32) -> u32 {
  return (i / params.inner * units + unit) * params.inner + i % params.inner;
}
