// As attention.wgsl, for GPUs. A team of TEAM neighbouring invocations of a subgroup works on one query of one head: each has
// one vec4 of the query and of the result, and the team adds up scores by exchanging them. So nothing is indexed by a variable
// that could stay in registers, and a team reads neighbouring vec4s of keys and values.
//
// A head has at most TEAM vec4s. Grid: [blocks of queries, heads, batch].
//
//: enable subgroups
//: use lib/attention_params.wgsl
//: use lib/numbers.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

const TEAM: u32 = 16u; //: const
const WORKGROUP: u32 = 64u;
const QUERIES: u32 = WORKGROUP / TEAM;

@group(0) @binding(0) var<storage, read> q: array<Element4>;
@group(0) @binding(1) var<storage, read> k: array<Element4>;
@group(0) @binding(2) var<storage, read> v: array<Element4>;
@group(0) @binding(3) var<storage, read> null_kv: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> relative_bias: array<f32>;
@group(0) @binding(5) var<storage, read> key_mask: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<Element4>;
@group(0) @binding(7) var<uniform> params: Params;

const FOUR = vec4<u32>(0u, 1u, 2u, 3u);

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let head = wid.y;
  let sample = wid.z;
  let dim4 = params.dim_head4;
  let kv_head = head * params.kv_heads / params.heads;
  // Members beyond the end of a head repeat its last vec4, as zeros. All invocations must take part in the exchange.
  let member = min(lane % TEAM, dim4 - 1u);
  let is_member = lane % TEAM < dim4;
  let k_start = sample * params.keys * params.k_stride4 + params.k_offset4 + kv_head * dim4 + member;
  let v_start = sample * params.keys * params.v_stride4 + params.v_offset4 + kv_head * dim4 + member;
  // Queries beyond the end repeat the last one and are not written.
  let query = wid.x * QUERIES + lane / TEAM;
  let row = sample * params.queries + min(query, params.queries - 1u);
  let own = select(
    vec4<f32>(0.0), vec4<f32>(q[row * params.q_stride4 + params.q_offset4 + head * dim4 + member]), is_member);
  let place = params.first_query + query;

  // The running softmax: largest score, sum of exponentials, and weighted sum of values.
  var peak = LOWEST;
  var total = 0.0;
  var sum = vec4<f32>(0.0);
  // A query that sees no key gets zeros. A query whose scores all overflowed must not.
  var sees_any = params.has_null != 0u;
  if (params.has_null != 0u) {
    let score = team_sums(vec4<f32>(dot(own, null_kv[member]))).x;
    sum = null_kv[dim4 + member];
    peak = score * params.scale + bias_at(place, 0u, head);
    total = 1.0;
  }

  // The keys that the last query of the workgroup sees; uniform in the workgroup.
  let last = params.first_query + (wid.x + 1u) * QUERIES;
  let end = select(params.keys, min(params.keys, last), params.causal != 0u);
  for (var first = 0u; first < end; first += 4u) {
    // Keys beyond the end repeat the last one and are hidden.
    let keys = min(vec4<u32>(first) + FOUR, vec4<u32>(params.keys - 1u));
    let k_at = vec4<u32>(k_start) + keys * params.k_stride4;
    let v_at = vec4<u32>(v_start) + keys * params.v_stride4;
    let scores = team_sums(vec4<f32>(
      dot(own, vec4<f32>(k[k_at.x])),
      dot(own, vec4<f32>(k[k_at.y])),
      dot(own, vec4<f32>(k[k_at.z])),
      dot(own, vec4<f32>(k[k_at.w]))));
    let v0 = vec4<f32>(v[v_at.x]);
    let v1 = vec4<f32>(v[v_at.y]);
    let v2 = vec4<f32>(v[v_at.z]);
    let v3 = vec4<f32>(v[v_at.w]);

    let seen = present_keys(first, sample) & (vec4<bool>(params.causal == 0u) | (keys <= vec4<u32>(place)));
    let score = select(vec4<f32>(LOWEST), scores * params.scale + block_bias(place, keys, head), seen);
    sees_any |= any(seen);
    let new_peak = max(peak, max_of(score));
    let rescale = exp(peak - new_peak);
    let weights = select(vec4<f32>(0.0), exp(score - new_peak), seen);
    peak = new_peak;
    total = total * rescale + sum_of(weights);
    sum = sum * rescale + weights.x * v0 + weights.y * v1 + weights.z * v2 + weights.w * v3;
  }

  if (query < params.queries && is_member) {
    let normalise = select(0.0, 1.0 / total, sees_any);
    y[((sample * params.queries + query) * params.heads + head) * dim4 + member] = Element4(sum * normalise);
  }
}

/// Adds up four values over the members of a team. Every member gets the sums.
fn team_sums(own: vec4<f32>) -> vec4<f32> {
  var sums = own;
  if (TEAM > 1u) { sums += subgroupShuffleXor(sums, 1u); }
  if (TEAM > 2u) { sums += subgroupShuffleXor(sums, 2u); }
  if (TEAM > 4u) { sums += subgroupShuffleXor(sums, 4u); }
  if (TEAM > 8u) { sums += subgroupShuffleXor(sums, 8u); }
  if (TEAM > 16u) { sums += subgroupShuffleXor(sums, 16u); }
  return sums;
}

/// Returns which of the four keys from `first` on exist and are not masked.
fn present_keys(first: u32, sample: u32) -> vec4<bool> {
  var present = vec4<u32>(first) + FOUR < vec4<u32>(params.keys);
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
