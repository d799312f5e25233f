// Attention with an online softmax (Milakov & Gimelshein 2018): the score matrix is never stored.
//
// q: [batch, queries, q_stride4], with heads side by side from vec4 q_offset4 on. k, v: [batch, keys, ...], with
// kv_heads heads; each is used by heads / kv_heads query heads. y: [batch, queries, heads, dim_head4]. If the size of a
// head is not a multiple of 4, the head ends with zeros. score(i, j) = scale · q_i · k_j + relative_bias[max(i -
// position of j, 0), head], masked by causal (j > i) and by key_mask [batch, keys] (0 = hidden). The result of a query
// that sees no key is 0. has_null: null_kv [2, dimHead] is a key and its value for all heads, always visible, at
// position 0. The position of key j is then j + 1.
//
// Each invocation keeps QUERIES queries of one head, a workgroup apart, and reads four keys at a time, one in each lane
// of a vec4. A workgroup works on one head, so its invocations read the same keys at the same time. Loops over channels
// have no constant bound, because unrolled loops take minutes to compile on software adapters. For the same reason,
// options are uniform data, not variants.
//
// An invocation keeps at most COLUMNS vec4s of its results. The channels of a wider head are divided among workgroups,
// in slabs of slab4 vec4s. Each slab computes the scores again. Grid: [blocks of queries, heads, batch · slabs].
//
//: use lib/attention_params.wgsl
//: use lib/numbers.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

const QUERIES: u32 = 2u;
const COLUMNS: u32 = 32u;
override WORKGROUP: u32 = 32u;

@group(0) @binding(0) var<storage, read> q: array<Element4>;
@group(0) @binding(1) var<storage, read> k: array<Element4>;
@group(0) @binding(2) var<storage, read> v: array<Element4>;
@group(0) @binding(3) var<storage, read> null_kv: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> relative_bias: array<f32>;
@group(0) @binding(5) var<storage, read> key_mask: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<Element4>;
@group(0) @binding(7) var<uniform> params: Params;

const LANES = vec4<u32>(0u, 1u, 2u, 3u);

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let head = wid.y;
  let slab = wid.z / params.batch;
  let sample = wid.z % params.batch;
  let dim4 = params.dim_head4;
  let first_column = slab * params.slab4;
  let columns = min(dim4 - first_column, params.slab4);
  let kv_head = head * params.kv_heads / params.heads;
  let k_start = sample * params.keys * params.k_stride4 + params.k_offset4 + kv_head * dim4;
  let v_start = sample * params.keys * params.v_stride4 + params.v_offset4 + kv_head * dim4 + first_column;

  var query: array<u32, QUERIES>;
  var q_start: array<u32, QUERIES>;
  for (var r = 0u; r < QUERIES; r++) {
    query[r] = (wid.x * QUERIES + r) * WORKGROUP + lane;
    // Queries beyond the end repeat the last one and are not written.
    let row = sample * params.queries + min(query[r], params.queries - 1u);
    q_start[r] = row * params.q_stride4 + params.q_offset4 + head * dim4;
  }

  // The running softmax of each query: largest score, sum of exponentials, and weighted sum of values.
  var peak: array<f32, QUERIES>;
  var total: array<f32, QUERIES>;
  // A query that sees no key gets zeros. A query whose scores all overflowed must not.
  var sees_any: array<bool, QUERIES>;
  var sum: array<array<vec4<f32>, COLUMNS>, QUERIES>;
  for (var r = 0u; r < QUERIES; r++) {
    peak[r] = LOWEST;
    sees_any[r] = params.has_null != 0u;
  }
  if (params.has_null != 0u) {
    for (var r = 0u; r < QUERIES; r++) {
      var score = 0.0;
      for (var i = 0u; i < dim4; i++) {
        score += dot(vec4<f32>(q[q_start[r] + i]), null_kv[i]);
      }
      for (var i = 0u; i < columns; i++) {
        sum[r][i] = null_kv[dim4 + first_column + i];
      }
      peak[r] = score * params.scale + bias_at(params.first_query + query[r], 0u, head);
      total[r] = 1.0;
    }
  }

  // The keys that the last query of the workgroup sees; uniform in the workgroup.
  let end = select(params.keys, min(params.keys, params.first_query + (wid.x + 1u) * QUERIES * WORKGROUP), params.causal != 0u);
  for (var first = 0u; first < end; first += 4u) {
    // Keys beyond the end repeat the last one and are hidden.
    let keys = min(vec4<u32>(first) + LANES, vec4<u32>(params.keys - 1u));
    let k_at = vec4<u32>(k_start) + keys * params.k_stride4;
    let v_at = vec4<u32>(v_start) + keys * params.v_stride4;

    // Initialised explicitly: Dawn does not clear a variable that is declared inside a loop.
    var scores = array<vec4<f32>, QUERIES>();
    for (var i = 0u; i < dim4; i++) {
      let k0 = vec4<f32>(k[k_at.x + i]);
      let k1 = vec4<f32>(k[k_at.y + i]);
      let k2 = vec4<f32>(k[k_at.z + i]);
      let k3 = vec4<f32>(k[k_at.w + i]);
      for (var r = 0u; r < QUERIES; r++) {
        let a = vec4<f32>(q[q_start[r] + i]);
        scores[r] += vec4<f32>(dot(a, k0), dot(a, k1), dot(a, k2), dot(a, k3));
      }
    }

    let present = present_keys(first, sample);
    var rescale: array<f32, QUERIES>;
    var weights: array<vec4<f32>, QUERIES>;
    for (var r = 0u; r < QUERIES; r++) {
      let place = params.first_query + query[r];
      let seen = present & (vec4<bool>(params.causal == 0u) | (keys <= vec4<u32>(place)));
      let score = select(vec4<f32>(LOWEST), scores[r] * params.scale + block_bias(place, keys, head), seen);
      sees_any[r] |= any(seen);
      let new_peak = max(peak[r], max_of(score));
      rescale[r] = exp(peak[r] - new_peak);
      weights[r] = select(vec4<f32>(0.0), exp(score - new_peak), seen);
      peak[r] = new_peak;
      total[r] = total[r] * rescale[r] + sum_of(weights[r]);
    }

    for (var i = 0u; i < columns; i++) {
      let v0 = vec4<f32>(v[v_at.x + i]);
      let v1 = vec4<f32>(v[v_at.y + i]);
      let v2 = vec4<f32>(v[v_at.z + i]);
      let v3 = vec4<f32>(v[v_at.w + i]);
      for (var r = 0u; r < QUERIES; r++) {
        let w = weights[r];
        sum[r][i] = sum[r][i] * rescale[r] + w.x * v0 + w.y * v1 + w.z * v2 + w.w * v3;
      }
    }
  }

  for (var r = 0u; r < QUERIES; r++) {
    if (query[r] < params.queries) {
      let normalise = select(0.0, 1.0 / total[r], sees_any[r]);
      let y_start = ((sample * params.queries + query[r]) * params.heads + head) * dim4 + first_column;
      for (var i = 0u; i < columns; i++) {
        y[y_start + i] = Element4(sum[r][i] * normalise);
      }
    }
  }
}

/// Returns which of the four keys from `first` on exist and are not masked.
fn present_keys(first: u32, sample: u32) -> vec4<bool> {
  var present = vec4<u32>(first) + LANES < vec4<u32>(params.keys);
  if (params.has_mask != 0u) {
    // Rows of the mask are padded to a multiple of four.
    let at = sample * params.mask_stride + first;
    present &= vec4<u32>(key_mask[at], key_mask[at + 1u], key_mask[at + 2u], key_mask[at + 3u]) != vec4<u32>(0u);
  }
  return present;
}

fn block_bias(query: u32, keys: vec4<u32>, head: u32) -> vec4<f32> {
  if (params.has_bias == 0u) {
    return vec4<f32>(0.0);
  }
  let positions = keys + params.has_null;
  return vec4<f32>(
    bias_at(query, positions.x, head),
    bias_at(query, positions.y, head),
    bias_at(query, positions.z, head),
    bias_at(query, positions.w, head),
  );
}

fn bias_at(query: u32, position: u32, head: u32) -> f32 {
  if (params.has_bias == 0u) {
    return 0.0;
  }
  return relative_bias[(query - min(query, position)) * params.bias_stride + head];
}
