// Linear attention (Shen et al. 2018), first of three kernels. For each chunk of positions it computes the largest key
// of each channel, the sum of exp(key - largest), and the context matrix Σ_n exp(k_n - largest) v_nᵀ of each head.
//
// qkv: [batch, positions, 3 · heads · dim_head4]; peaks, sums: [batch, chunks, heads · dim_head4] vec4s; contexts:
// [batch, chunks, heads, dimHead (of k), dim_head4 (of v)] vec4s; all three f32. chunk_size is a multiple of 4.
// l2_values: each value is divided by its length. If the size of a head is not a multiple of 4, the head ends with
// zeros; the rows of the context for these channels of k are never read.
//
// One invocation per (batch, chunk, head, four channels of k) computes its exponentials once and keeps its four rows of
// the context. It reads four positions at a time, so each entry of the context is updated once for four products. It
// keeps at most COLUMNS vec4s of each row: the rows of a wider head are divided into slabs of slab4 vec4s. Grid: [x, y,
// slabs]. Loops over channels have no constant bound, because unrolled loops take minutes to compile on software
// adapters.
//
//: use lib/invocation.wgsl
//: use lib/numbers.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

const COLUMNS: u32 = 32u;

struct Params {
  batch: u32,
  positions: u32,
  heads: u32,
  dim_head4: u32,
  slab4: u32,
  chunks: u32,
  chunk_size: u32,
  l2_values: u32,
}

@group(0) @binding(0) var<storage, read> qkv: array<Element4>;
@group(0) @binding(1) var<storage, read_write> peaks: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> contexts: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = invocation_index(vec3<u32>(wid.xy, 0u), count, lane);
  let dim4 = params.dim_head4;
  let first_column = wid.z * params.slab4;
  let columns = min(dim4 - first_column, params.slab4);
  let inner4 = params.heads * dim4;
  let channel4 = index % inner4;
  let chunk = (index / inner4) % params.chunks;
  let sample = index / (inner4 * params.chunks);
  if (sample >= params.batch) {
    return;
  }
  let begin = chunk * params.chunk_size;
  let end = min(begin + params.chunk_size, params.positions);
  let stride = 3u * inner4;
  let k_start = sample * params.positions * stride + inner4 + channel4;
  let v_start = sample * params.positions * stride + 2u * inner4 + channel4 - channel4 % dim4;

  var peak = vec4<f32>(LOWEST);
  for (var n = begin; n < end; n++) {
    peak = max(peak, vec4<f32>(qkv[k_start + n * stride]));
  }

  var sum = vec4<f32>(0.0);
  var context: array<array<vec4<f32>, 4>, COLUMNS>;
  for (var first = begin; first < end; first += 4u) {
    var weights: array<vec4<f32>, 4>;
    var v_at: array<u32, 4>;
    for (var p = 0u; p < 4u; p++) {
      // Positions beyond the end repeat the last one with weight 0.
      let n = min(first + p, end - 1u);
      v_at[p] = v_start + n * stride;
      let weight = exp(vec4<f32>(qkv[k_start + n * stride]) - peak);
      weights[p] = select(vec4<f32>(0.0), weight, first + p < end);
      sum += weights[p];
    }
    if (params.l2_values != 0u) {
      let lengths = value_lengths(v_at);
      for (var p = 0u; p < 4u; p++) {
        weights[p] /= max(lengths[p], MIN_LENGTH);
      }
    }
    for (var i = 0u; i < columns; i++) {
      let at = first_column + i;
      let v0 = vec4<f32>(qkv[v_at[0] + at]);
      let v1 = vec4<f32>(qkv[v_at[1] + at]);
      let v2 = vec4<f32>(qkv[v_at[2] + at]);
      let v3 = vec4<f32>(qkv[v_at[3] + at]);
      for (var d = 0u; d < 4u; d++) {
        context[i][d] += weights[0][d] * v0 + weights[1][d] * v1 + weights[2][d] * v2 + weights[3][d] * v3;
      }
    }
  }

  if (first_column == 0u) {
    peaks[index] = peak;
    sums[index] = sum;
  }
  for (var i = 0u; i < columns; i++) {
    for (var d = 0u; d < 4u; d++) {
      contexts[(index * 4u + d) * dim4 + first_column + i] = context[i][d];
    }
  }
}

fn value_lengths(v_at: array<u32, 4>) -> vec4<f32> {
  var squares = vec4<f32>(0.0);
  for (var i = 0u; i < params.dim_head4; i++) {
    let v0 = vec4<f32>(qkv[v_at[0] + i]);
    let v1 = vec4<f32>(qkv[v_at[1] + i]);
    let v2 = vec4<f32>(qkv[v_at[2] + i]);
    let v3 = vec4<f32>(qkv[v_at[3] + i]);
    squares += vec4<f32>(dot(v0, v0), dot(v1, v1), dot(v2, v2), dot(v3, v3));
  }
  return sqrt(squares);
}
