// As attention.wgsl, for adapters that compute on the CPU (see lib/broadcast.wgsl).
//
// A workgroup works on one head of keys and values. Rows are the pairs of a query and a query head that read it: row r is
// head r % (heads / kv_heads) of query r / (heads / kv_heads). Each lane has four rows, and loads OWN_ROWS keys and values
// that all lanes get by broadcast. Positions are those of the keys, after the null key if there is one.
//
// Of the result, a workgroup computes COLUMNS vec4s. Wider heads are divided among workgroups, each of which computes the
// scores again. Grid: [blocks of rows, kv_heads, batch · slabs].
//
//: use lib/attention_params.wgsl
//: use lib/broadcast.wgsl
//: use lib/numbers.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

const COLUMNS: u32 = 16u;

@group(0) @binding(0) var<storage, read> q: array<Element4>;
@group(0) @binding(1) var<storage, read> k: array<Element4>;
@group(0) @binding(2) var<storage, read> v: array<Element4>;
@group(0) @binding(3) var<storage, read> null_kv: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> relative_bias: array<f32>;
@group(0) @binding(5) var<storage, read> key_mask: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<Element4>;
@group(0) @binding(7) var<uniform> params: Params;

// Positions of a tile of keys.
const TILE: u32 = LANES * OWN_ROWS;
const FOUR = vec4<u32>(0u, 1u, 2u, 3u);

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let kv_head = wid.y;
  let slab = wid.z / params.batch;
  let sample = wid.z % params.batch;
  let dim4 = params.dim_head4;
  let first_column = slab * params.slab4;
  let columns = min(dim4 - first_column, params.slab4);
  let group = params.heads / params.kv_heads;
  let rows = params.queries * group;

  // Rows beyond the end repeat the last one and are not written: all lanes must take part.
  let own_row = (wid.x * LANES + lane) * 4u;
  let row = min(vec4<u32>(own_row) + FOUR, vec4<u32>(rows - 1u));
  let query = row / group;
  let head = kv_head * group + row % group;
  let q_at = (sample * params.queries + query) * params.q_stride4 + params.q_offset4 + head * dim4;
  let place = params.first_query + query;
  // The last position that each row sees.
  let limit = select(vec4<u32>(0xffffffffu), place + params.has_null, params.causal != 0u);

  let positions = params.keys + params.has_null;
  let last_query = min(params.queries - 1u, ((wid.x + 1u) * LANES * 4u - 1u) / group);
  let end = select(positions, min(positions, params.first_query + last_query + 1u + params.has_null), params.causal != 0u);

  // The running softmax of each row: largest score, sum of exponentials, and weighted sum of values.
  var peak = vec4<f32>(LOWEST);
  var total = vec4<f32>(0.0);
  // A row that sees no key gets zeros. A row whose scores all overflowed must not.
  var sees_any = vec4<bool>(false);
  // In matrices of four rows and four channels.
  var sum: array<mat4x4<f32>, COLUMNS>;

  for (var first = 0u; first < end; first += TILE) {
    var k_at: array<u32, OWN_ROWS>;
    var v_at: array<u32, OWN_ROWS>;
    var present: array<u32, OWN_ROWS>;
    for (var i = 0u; i < OWN_ROWS; i++) {
      let position = first + i * LANES + lane;
      // Positions beyond the end repeat the last key and are hidden.
      let key = min(max(position, params.has_null) - params.has_null, params.keys - 1u);
      let at = sample * params.keys + key;
      k_at[i] = at * params.k_stride4 + params.k_offset4 + kv_head * dim4;
      v_at[i] = at * params.v_stride4 + params.v_offset4 + kv_head * dim4 + first_column;
      present[i] = u32(position < positions);
      if (params.has_mask != 0u && position >= params.has_null) {
        present[i] &= u32(key_mask[sample * params.mask_stride + key] != 0u);
      }
    }
    let is_null = params.has_null != 0u && first + lane == 0u;

    // In matrices of four rows and four keys.
    var scores = array<mat4x4<f32>, MATRICES>();
    for (var c = 0u; c < dim4; c++) {
      let own_q = transpose(mat4x4<f32>(
        vec4<f32>(q[q_at.x + c]), vec4<f32>(q[q_at.y + c]), vec4<f32>(q[q_at.z + c]), vec4<f32>(q[q_at.w + c])));
      for (var i = 0u; i < OWN_ROWS; i++) {
        var own = vec4<f32>(k[k_at[i] + c]);
        if (i == 0u && is_null) {
          own = null_kv[c];
        }
        let m = i * MATRICES_OF_LOAD;
        scores[m] += own_q * rows_of_lanes_0(own);
        if (LANES > 4u) {
          scores[m + 1u] += own_q * rows_of_lanes_4(own);
        }
        if (LANES > 8u) {
          scores[m + 2u] += own_q * rows_of_lanes_8(own);
          scores[m + 3u] += own_q * rows_of_lanes_12(own);
        }
      }
    }

    // The limit is no constant, so that drivers do not unroll the loop: each load in a kernel takes lavapipe 5 ms to compile.
    var biases: array<vec4<f32>, TILE>;
    let biased = select(0u, TILE, params.has_bias != 0u);
    for (var i = 0u; i < biased; i++) {
      biases[i] = bias_of(place, first + i, head);
    }
    var new_peak = peak;
    for (var i = 0u; i < OWN_ROWS; i++) {
      for (var n = 0u; n < MATRICES_OF_LOAD; n++) {
        let m = i * MATRICES_OF_LOAD + n;
        let shown = present_of_lanes(present[i], n);
        let position = first + m * 4u;
        for (var j = 0u; j < 4u; j++) {
          let seen = vec4<bool>(shown[j] != 0u) & (vec4<u32>(position + j) <= limit);
          let score = scores[m][j] * params.scale + biases[m * 4u + j];
          sees_any |= seen;
          scores[m][j] = select(vec4<f32>(LOWEST), score, seen);
          new_peak = max(new_peak, scores[m][j]);
        }
      }
    }
    let rescale = exp(peak - new_peak);
    peak = new_peak;
    total *= rescale;
    var weights: array<mat4x4<f32>, MATRICES>;
    for (var m = 0u; m < MATRICES; m++) {
      for (var j = 0u; j < 4u; j++) {
        let score = scores[m][j];
        // NaN stays NaN.
        weights[m][j] = select(exp(score - peak), vec4<f32>(0.0), score == vec4<f32>(LOWEST));
        total += weights[m][j];
      }
    }
    for (var c = 0u; c < columns; c++) {
      let old = sum[c];
      var new_sum = mat4x4<f32>(old[0] * rescale, old[1] * rescale, old[2] * rescale, old[3] * rescale);
      for (var i = 0u; i < OWN_ROWS; i++) {
        var own = vec4<f32>(v[v_at[i] + c]);
        if (i == 0u && is_null) {
          own = null_kv[dim4 + first_column + c];
        }
        let m = i * MATRICES_OF_LOAD;
        new_sum += weights[m] * transpose(rows_of_lanes_0(own));
        if (LANES > 4u) {
          new_sum += weights[m + 1u] * transpose(rows_of_lanes_4(own));
        }
        if (LANES > 8u) {
          new_sum += weights[m + 2u] * transpose(rows_of_lanes_8(own));
          new_sum += weights[m + 3u] * transpose(rows_of_lanes_12(own));
        }
      }
      sum[c] = new_sum;
    }
  }

  let last_row = min(own_row + 4u, rows);
  let normalise = select(vec4<f32>(0.0), 1.0 / total, sees_any);
  let y_at = ((sample * params.queries + query) * params.heads + head) * dim4 + first_column;
  for (var c = 0u; c < columns; c++) {
    let result = transpose(sum[c]);
    for (var row = own_row; row < last_row; row++) {
      let r = row - own_row;
      y[y_at[r] + c] = Element4(result[r] * normalise[r]);
    }
  }
}

/// Returns what the four lanes from 4 · n on have.
fn present_of_lanes(own: u32, n: u32) -> vec4<u32> {
  if (n == 0u) {
    return vec4<u32>(
      subgroupBroadcast(own, 0u), subgroupBroadcast(own, 1u), subgroupBroadcast(own, 2u), subgroupBroadcast(own, 3u));
  }
  if (n == 1u) {
    return vec4<u32>(
      subgroupBroadcast(own, 4u), subgroupBroadcast(own, 5u), subgroupBroadcast(own, 6u), subgroupBroadcast(own, 7u));
  }
  if (n == 2u) {
    return vec4<u32>(
      subgroupBroadcast(own, 8u), subgroupBroadcast(own, 9u), subgroupBroadcast(own, 10u), subgroupBroadcast(own, 11u));
  }
  return vec4<u32>(
    subgroupBroadcast(own, 12u), subgroupBroadcast(own, 13u), subgroupBroadcast(own, 14u), subgroupBroadcast(own, 15u));
}

fn bias_of(place: vec4<u32>, position: u32, head: vec4<u32>) -> vec4<f32> {
  let at = (place - min(place, vec4<u32>(position))) * params.bias_stride + head;
  return vec4<f32>(relative_bias[at.x], relative_bias[at.y], relative_bias[at.z], relative_bias[at.w]);
}
