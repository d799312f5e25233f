// As attention.wgsl, in half precision by the matrix units of a GPU; sums and softmax in f32.
//
// A workgroup works on one head of keys and values, whose tiles of KEYS keys go through workgroup memory. Rows are the pairs
// of a query and a query head that read it: row r is head r % (heads / kv_heads) of query r / (heads / kv_heads). Each
// subgroup has SIZE_M rows, in parts of ROW_LANES neighbouring invocations. It keeps their queries and results in matrices,
// and its invocations the softmax of the scores, which they read from workgroup memory.
//
// Matrices cannot be scaled by rows: results go through workgroup memory for that. So weights are relative to a peak that only
// follows the largest score when that is SLACK above it, which is seldom after the first tiles. Weights are then at most
// exp(SLACK), far from the largest half, and what they lose to rounding stays the same share of them. The total is that of the
// rounded weights.
//
// A unit is a vec4<u32>, the bits of eight halves. q, k and v are bound as units: heads begin at whole units and consist of
// them. While a tile of keys is used, that of values is on its way from storage to registers, and the next keys while values
// are. As in lib/matrix.wgsl, nothing that could stay in registers is indexed by a variable, loops count by one, and matrices
// are at constant places of their blocks.
//
// Grid: [blocks of rows, kv_heads, batch].
//
//: later matrix
//: use lib/attention_params.wgsl
//: use lib/matrix_units.wgsl
//: use lib/numbers.wgsl

// Type of y.
alias Element = f32;
alias Element4 = vec4<Element>;

const SUBGROUPS: u32 = 4u; //: const
// Channels of a head, rounded up to whole matrices: at most 8.
const HEAD: u32 = 64u; //: const
// Keys of a tile.
const KEYS: u32 = 64u; //: const
// exp(8) is 2981.
const SLACK: f32 = 8.0;

const INVOCATIONS: u32 = LANES * SUBGROUPS;
const ROWS: u32 = SUBGROUPS * SIZE_M;
const ROW_LANES: u32 = LANES / SIZE_M;
const_assert ROW_LANES * SIZE_M == LANES && ROW_LANES <= 8u;
const HEAD_UNITS: u32 = HEAD / 8u;
const KEY_UNITS: u32 = KEYS / 8u;
// Of the scores of its row, an invocation has every ROW_LANES-th unit.
const OWN_UNITS: u32 = KEY_UNITS / ROW_LANES;
const_assert OWN_UNITS * ROW_LANES == KEY_UNITS;

// Matrices in a head, of queries and of values.
const Q_MATRICES: u32 = HEAD / SIZE_K;
const V_MATRICES: u32 = HEAD / SIZE_N;
const_assert Q_MATRICES * SIZE_K == HEAD && Q_MATRICES <= 8u && V_MATRICES * SIZE_N == HEAD && V_MATRICES <= 8u;

// A block of keys is as wide as a matrix, and one of values as high. One unit between rows, so that rows that are read together
// are in different banks.
const STRIDE: u32 = HEAD_UNITS + 1u;
const K_BLOCKS: u32 = KEYS / SIZE_N;
const V_BLOCKS: u32 = KEYS / SIZE_K;
const_assert K_BLOCKS * SIZE_N == KEYS && V_BLOCKS * SIZE_K == KEYS;
var<workgroup> k_tile: array<array<vec4<u32>, SIZE_N * STRIDE>, K_BLOCKS>;
var<workgroup> v_tile: array<array<vec4<u32>, SIZE_K * STRIDE>, V_BLOCKS>;
// Where the matrices of a block begin. Also what is not used must be inside of the block.
const Q1: u32 = min(1u, Q_MATRICES - 1u) * (SIZE_K / 8u);
const Q2: u32 = min(2u, Q_MATRICES - 1u) * (SIZE_K / 8u);
const Q3: u32 = min(3u, Q_MATRICES - 1u) * (SIZE_K / 8u);
const Q4: u32 = min(4u, Q_MATRICES - 1u) * (SIZE_K / 8u);
const Q5: u32 = min(5u, Q_MATRICES - 1u) * (SIZE_K / 8u);
const Q6: u32 = min(6u, Q_MATRICES - 1u) * (SIZE_K / 8u);
const Q7: u32 = min(7u, Q_MATRICES - 1u) * (SIZE_K / 8u);
const V1: u32 = min(1u, V_MATRICES - 1u) * (SIZE_N / 8u);
const V2: u32 = min(2u, V_MATRICES - 1u) * (SIZE_N / 8u);
const V3: u32 = min(3u, V_MATRICES - 1u) * (SIZE_N / 8u);
const V4: u32 = min(4u, V_MATRICES - 1u) * (SIZE_N / 8u);
const V5: u32 = min(5u, V_MATRICES - 1u) * (SIZE_N / 8u);
const V6: u32 = min(6u, V_MATRICES - 1u) * (SIZE_N / 8u);
const V7: u32 = min(7u, V_MATRICES - 1u) * (SIZE_N / 8u);
// For each subgroup, its weights; at first, its queries.
const UNITS: u32 = SIZE_K / 8u;
const P_BLOCKS: u32 = max(V_BLOCKS, Q_MATRICES);
var<workgroup> p_tile: array<array<vec4<u32>, SIZE_M * UNITS>, SUBGROUPS * P_BLOCKS>;
// For each subgroup, its scores; or matrices of results.
const VECTORS: u32 = SIZE_N / 4u;
const SUM_STRIDE: u32 = VECTORS + 1u;
// vec4s of a row of a matrix that each invocation scales or writes.
const OWN_VECTORS: u32 = (VECTORS + ROW_LANES - 1u) / ROW_LANES;
var<workgroup> sum_tile: array<array<vec4<f32>, SIZE_M * SUM_STRIDE>, SUBGROUPS * K_BLOCKS>;
// The last tile, counted from 1, in which a result had to be scaled.
var<workgroup> last_scaled: atomic<u32>;

// Units of a tile that each invocation loads.
const LOADS: u32 = (KEYS * HEAD_UNITS + INVOCATIONS - 1u) / INVOCATIONS;
const_assert LOADS <= 4u;

@group(0) @binding(0) var<storage, read> q: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> null_kv: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> relative_bias: array<f32>;
@group(0) @binding(5) var<storage, read> key_mask: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<Element4>;
@group(0) @binding(7) var<uniform> params: Params;

const FOUR = vec4<u32>(0u, 1u, 2u, 3u);

// Where an invocation is: in the workgroup, its row in the subgroup, and its part of it.
var<private> lane: u32;
var<private> own_row: u32;
var<private> own_part: u32;
// Its row of the result, with the query, as its place in the sequence, and the head.
var<private> row: u32;
var<private> place: u32;
var<private> head: u32;
var<private> sample: u32;
var<private> k_start: u32;
var<private> v_start: u32;

@compute @workgroup_size(LANES, SUBGROUPS)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
) {
  lane = index;
  sample = wid.z;
  let dim4 = params.dim_head4;
  let group = params.heads / params.kv_heads;
  let rows = params.queries * group;
  k_start = (sample * params.keys * params.k_stride4 + params.k_offset4 + wid.y * dim4) / 2u;
  v_start = (sample * params.keys * params.v_stride4 + params.v_offset4 + wid.y * dim4) / 2u;

  let p_block = subgroup * P_BLOCKS;
  let sum_block = subgroup * K_BLOCKS;
  own_row = subgroup_lane / ROW_LANES;
  own_part = subgroup_lane % ROW_LANES;
  row = wid.x * ROWS + subgroup * SIZE_M + own_row;
  // Rows beyond the end repeat the last one and are not written: all invocations must take part.
  let query = min(row, rows - 1u) / group;
  head = wid.y * group + min(row, rows - 1u) % group;
  place = params.first_query + query;

  let q_start = ((sample * params.queries + query) * params.q_stride4 + params.q_offset4 + head * dim4) / 2u;
  // The running softmax: a score near the largest, the sum of exponentials of this invocation's part of the scores, and in
  // matrices the weighted sum of values.
  var peak = LOWEST;
  var total = 0.0;
  for (var i = 0u; i < (HEAD_UNITS + ROW_LANES - 1u) / ROW_LANES; i++) {
    let unit = i * ROW_LANES + own_part;
    if (unit < HEAD_UNITS) {
      let own = select(vec4<u32>(0u), q[q_start + unit], unit < dim4 / 2u);
      p_tile[p_block + unit / UNITS][own_row * UNITS + unit % UNITS] = own;
      if (params.has_null != 0u && unit < dim4 / 2u) {
        total += dot(halves(own.xy), null_kv[2u * unit]) + dot(halves(own.zw), null_kv[2u * unit + 1u]);
      }
    }
  }
  // A row that sees no key gets zeros; one that sees NaN must not.
  var sees_any = params.has_null != 0u;
  if (params.has_null != 0u) {
    peak = row_sum(total) * params.scale + bias_at(0u);
    total = select(0.0, 1.0, own_part == 0u);
  }
  workgroupBarrier();
  let q0 = subgroupMatrixLoad<Left, row_major>(&p_tile[p_block], 0u, UNITS);
  var q1: Left;
  var q2: Left;
  var q3: Left;
  var q4: Left;
  var q5: Left;
  var q6: Left;
  var q7: Left;
  if (Q_MATRICES > 1u) { q1 = subgroupMatrixLoad<Left, row_major>(&p_tile[p_block + 1u], 0u, UNITS); }
  if (Q_MATRICES > 2u) { q2 = subgroupMatrixLoad<Left, row_major>(&p_tile[p_block + 2u], 0u, UNITS); }
  if (Q_MATRICES > 3u) { q3 = subgroupMatrixLoad<Left, row_major>(&p_tile[p_block + 3u], 0u, UNITS); }
  if (Q_MATRICES > 4u) { q4 = subgroupMatrixLoad<Left, row_major>(&p_tile[p_block + 4u], 0u, UNITS); }
  if (Q_MATRICES > 5u) { q5 = subgroupMatrixLoad<Left, row_major>(&p_tile[p_block + 5u], 0u, UNITS); }
  if (Q_MATRICES > 6u) { q6 = subgroupMatrixLoad<Left, row_major>(&p_tile[p_block + 6u], 0u, UNITS); }
  if (Q_MATRICES > 7u) { q7 = subgroupMatrixLoad<Left, row_major>(&p_tile[p_block + 7u], 0u, UNITS); }

  var y0 = first_value(sum_block, 0u);
  var y1: Sum;
  var y2: Sum;
  var y3: Sum;
  var y4: Sum;
  var y5: Sum;
  var y6: Sum;
  var y7: Sum;
  if (V_MATRICES > 1u) { y1 = first_value(sum_block, 1u); }
  if (V_MATRICES > 2u) { y2 = first_value(sum_block, 2u); }
  if (V_MATRICES > 3u) { y3 = first_value(sum_block, 3u); }
  if (V_MATRICES > 4u) { y4 = first_value(sum_block, 4u); }
  if (V_MATRICES > 5u) { y5 = first_value(sum_block, 5u); }
  if (V_MATRICES > 6u) { y6 = first_value(sum_block, 6u); }
  if (V_MATRICES > 7u) { y7 = first_value(sum_block, 7u); }

  // The keys that the last row of the workgroup sees; uniform in the workgroup.
  let last_query = min(rows - 1u, (wid.x + 1u) * ROWS - 1u) / group;
  let end = select(params.keys, min(params.keys, params.first_query + last_query + 1u), params.causal != 0u);
  // The last key that this row sees.
  let limit = select(params.keys - 1u, min(params.keys - 1u, place), params.causal != 0u);
  let tiles = (end + KEYS - 1u) / KEYS;
  var own0 = load_k(0u, 0u);
  var own1: vec4<u32>;
  var own2: vec4<u32>;
  var own3: vec4<u32>;
  if (LOADS > 1u) { own1 = load_k(1u, 0u); }
  if (LOADS > 2u) { own2 = load_k(2u, 0u); }
  if (LOADS > 3u) { own3 = load_k(3u, 0u); }
  for (var tile = 0u; tile < tiles; tile++) {
    let first = tile * KEYS;
    put_k(0u, own0);
    if (LOADS > 1u) { put_k(1u, own1); }
    if (LOADS > 2u) { put_k(2u, own2); }
    if (LOADS > 3u) { put_k(3u, own3); }
    workgroupBarrier();

    own0 = load_v(0u, first);
    if (LOADS > 1u) { own1 = load_v(1u, first); }
    if (LOADS > 2u) { own2 = load_v(2u, first); }
    if (LOADS > 3u) { own3 = load_v(3u, first); }
    for (var n = 0u; n < K_BLOCKS; n++) {
      let keys = &k_tile[n];
      // Initialised explicitly: Dawn does not clear a variable that is declared inside a loop.
      var scores = Sum();
      scores = subgroupMatrixMultiplyAccumulate(q0, subgroupMatrixLoad<Right, col_major>(keys, 0u, STRIDE), scores);
      if (Q_MATRICES > 1u) {
        scores = subgroupMatrixMultiplyAccumulate(q1, subgroupMatrixLoad<Right, col_major>(keys, Q1, STRIDE), scores);
      }
      if (Q_MATRICES > 2u) {
        scores = subgroupMatrixMultiplyAccumulate(q2, subgroupMatrixLoad<Right, col_major>(keys, Q2, STRIDE), scores);
      }
      if (Q_MATRICES > 3u) {
        scores = subgroupMatrixMultiplyAccumulate(q3, subgroupMatrixLoad<Right, col_major>(keys, Q3, STRIDE), scores);
      }
      if (Q_MATRICES > 4u) {
        scores = subgroupMatrixMultiplyAccumulate(q4, subgroupMatrixLoad<Right, col_major>(keys, Q4, STRIDE), scores);
      }
      if (Q_MATRICES > 5u) {
        scores = subgroupMatrixMultiplyAccumulate(q5, subgroupMatrixLoad<Right, col_major>(keys, Q5, STRIDE), scores);
      }
      if (Q_MATRICES > 6u) {
        scores = subgroupMatrixMultiplyAccumulate(q6, subgroupMatrixLoad<Right, col_major>(keys, Q6, STRIDE), scores);
      }
      if (Q_MATRICES > 7u) {
        scores = subgroupMatrixMultiplyAccumulate(q7, subgroupMatrixLoad<Right, col_major>(keys, Q7, STRIDE), scores);
      }
      subgroupMatrixStore<row_major>(&sum_tile[sum_block + n], 0u, scores, SUM_STRIDE);
    }
    workgroupBarrier();

    put_v(0u, own0);
    if (LOADS > 1u) { put_v(1u, own1); }
    if (LOADS > 2u) { put_v(2u, own2); }
    if (LOADS > 3u) { put_v(3u, own3); }
    // What lies beyond the last tile is loaded, too, and not used.
    own0 = load_k(0u, first + KEYS);
    if (LOADS > 1u) { own1 = load_k(1u, first + KEYS); }
    if (LOADS > 2u) { own2 = load_k(2u, first + KEYS); }
    if (LOADS > 3u) { own3 = load_k(3u, first + KEYS); }

    var largest = LOWEST;
    for (var i = 0u; i < OWN_UNITS; i++) {
      for (var j = 0u; j < 2u; j++) {
        let at = 2u * (i * ROW_LANES + own_part) + j;
        let keys = vec4<u32>(first + 4u * at) + FOUR;
        let seen = shown_keys(first + 4u * at) & (keys <= vec4<u32>(limit));
        let own = &sum_tile[sum_block + at / VECTORS][own_row * SUM_STRIDE + at % VECTORS];
        let score = select(vec4<f32>(LOWEST), *own * params.scale + block_bias(keys), seen);
        *own = score;
        largest = max(largest, max_of(score));
        sees_any |= any(seen);
      }
    }
    largest = row_max(largest);
    let new_peak = select(peak, largest, largest > peak + SLACK);
    let factor = exp(peak - new_peak);
    // The result of a row that saw no key before is zero.
    if (new_peak != peak && peak != LOWEST) {
      atomicMax(&last_scaled, tile + 1u);
    }
    peak = new_peak;
    total *= factor;
    for (var i = 0u; i < OWN_UNITS; i++) {
      let unit = i * ROW_LANES + own_part;
      let own = &sum_tile[sum_block + 2u * unit / VECTORS];
      let at = own_row * SUM_STRIDE + 2u * unit % VECTORS;
      let left = weights_of((*own)[at], peak);
      let right = weights_of((*own)[at + 1u], peak);
      total += sum_of(vec4<f32>(left)) + sum_of(vec4<f32>(right));
      p_tile[p_block + unit / UNITS][own_row * UNITS + unit % UNITS] =
        vec4<u32>(bitcast<vec2<u32>>(left), bitcast<vec2<u32>>(right));
    }
    if (workgroupUniformLoad(&last_scaled) == tile + 1u) {
      y0 = scaled(sum_block, y0, factor);
      if (V_MATRICES > 1u) { y1 = scaled(sum_block, y1, factor); }
      if (V_MATRICES > 2u) { y2 = scaled(sum_block, y2, factor); }
      if (V_MATRICES > 3u) { y3 = scaled(sum_block, y3, factor); }
      if (V_MATRICES > 4u) { y4 = scaled(sum_block, y4, factor); }
      if (V_MATRICES > 5u) { y5 = scaled(sum_block, y5, factor); }
      if (V_MATRICES > 6u) { y6 = scaled(sum_block, y6, factor); }
      if (V_MATRICES > 7u) { y7 = scaled(sum_block, y7, factor); }
    }

    for (var n = 0u; n < V_BLOCKS; n++) {
      let values = &v_tile[n];
      let weights = subgroupMatrixLoad<Left, row_major>(&p_tile[p_block + n], 0u, UNITS);
      y0 = subgroupMatrixMultiplyAccumulate(weights, subgroupMatrixLoad<Right, row_major>(values, 0u, STRIDE), y0);
      if (V_MATRICES > 1u) {
        y1 = subgroupMatrixMultiplyAccumulate(weights, subgroupMatrixLoad<Right, row_major>(values, V1, STRIDE), y1);
      }
      if (V_MATRICES > 2u) {
        y2 = subgroupMatrixMultiplyAccumulate(weights, subgroupMatrixLoad<Right, row_major>(values, V2, STRIDE), y2);
      }
      if (V_MATRICES > 3u) {
        y3 = subgroupMatrixMultiplyAccumulate(weights, subgroupMatrixLoad<Right, row_major>(values, V3, STRIDE), y3);
      }
      if (V_MATRICES > 4u) {
        y4 = subgroupMatrixMultiplyAccumulate(weights, subgroupMatrixLoad<Right, row_major>(values, V4, STRIDE), y4);
      }
      if (V_MATRICES > 5u) {
        y5 = subgroupMatrixMultiplyAccumulate(weights, subgroupMatrixLoad<Right, row_major>(values, V5, STRIDE), y5);
      }
      if (V_MATRICES > 6u) {
        y6 = subgroupMatrixMultiplyAccumulate(weights, subgroupMatrixLoad<Right, row_major>(values, V6, STRIDE), y6);
      }
      if (V_MATRICES > 7u) {
        y7 = subgroupMatrixMultiplyAccumulate(weights, subgroupMatrixLoad<Right, row_major>(values, V7, STRIDE), y7);
      }
    }
  }

  let sees = row_max(select(0.0, 1.0, sees_any)) > 0.0;
  let normalise = select(0.0, 1.0 / row_sum(total), sees);
  workgroupBarrier();
  write(sum_block, y0, 0u, normalise, rows);
  if (V_MATRICES > 1u) { write(sum_block, y1, 1u, normalise, rows); }
  if (V_MATRICES > 2u) { write(sum_block, y2, 2u, normalise, rows); }
  if (V_MATRICES > 3u) { write(sum_block, y3, 3u, normalise, rows); }
  if (V_MATRICES > 4u) { write(sum_block, y4, 4u, normalise, rows); }
  if (V_MATRICES > 5u) { write(sum_block, y5, 5u, normalise, rows); }
  if (V_MATRICES > 6u) { write(sum_block, y6, 6u, normalise, rows); }
  if (V_MATRICES > 7u) { write(sum_block, y7, 7u, normalise, rows); }
}

fn halves(bits: vec2<u32>) -> vec4<f32> {
  return vec4<f32>(bitcast<vec4<f16>>(bits));
}

/// Adds up the values that the invocations of a row have.
fn row_sum(own: f32) -> f32 {
  var sum = own;
  if (ROW_LANES > 1u) { sum += subgroupShuffleXor(sum, 1u); }
  if (ROW_LANES > 2u) { sum += subgroupShuffleXor(sum, 2u); }
  if (ROW_LANES > 4u) { sum += subgroupShuffleXor(sum, 4u); }
  return sum;
}

fn row_max(own: f32) -> f32 {
  var largest = own;
  if (ROW_LANES > 1u) { largest = max(largest, subgroupShuffleXor(largest, 1u)); }
  if (ROW_LANES > 2u) { largest = max(largest, subgroupShuffleXor(largest, 2u)); }
  if (ROW_LANES > 4u) { largest = max(largest, subgroupShuffleXor(largest, 4u)); }
  return largest;
}

/// Returns units of the tile whose first key is `first`; zero if they do not exist.
fn load_k(slot: u32, first: u32) -> vec4<u32> {
  let at = slot * INVOCATIONS + lane;
  let exists = first + at / HEAD_UNITS < params.keys && at % HEAD_UNITS < params.dim_head4 / 2u;
  let key = min(first + at / HEAD_UNITS, params.keys - 1u);
  return select(vec4<u32>(0u), k[k_start + key * (params.k_stride4 / 2u) + at % HEAD_UNITS], exists);
}

fn load_v(slot: u32, first: u32) -> vec4<u32> {
  let at = slot * INVOCATIONS + lane;
  let exists = first + at / HEAD_UNITS < params.keys && at % HEAD_UNITS < params.dim_head4 / 2u;
  let key = min(first + at / HEAD_UNITS, params.keys - 1u);
  return select(vec4<u32>(0u), v[v_start + key * (params.v_stride4 / 2u) + at % HEAD_UNITS], exists);
}

fn put_k(slot: u32, value: vec4<u32>) {
  let at = slot * INVOCATIONS + lane;
  let key = at / HEAD_UNITS;
  if (key < KEYS) {
    k_tile[key / SIZE_N][key % SIZE_N * STRIDE + at % HEAD_UNITS] = value;
  }
}

fn put_v(slot: u32, value: vec4<u32>) {
  let at = slot * INVOCATIONS + lane;
  let key = at / HEAD_UNITS;
  if (key < KEYS) {
    v_tile[key / SIZE_K][key % SIZE_K * STRIDE + at % HEAD_UNITS] = value;
  }
}

/// Returns which of the four keys from `first` on are not masked.
fn shown_keys(first: u32) -> vec4<bool> {
  if (params.has_mask == 0u) {
    return vec4<bool>(true);
  }
  // Rows of the mask are padded to a multiple of four.
  let at = sample * params.mask_stride + first;
  return vec4<u32>(key_mask[at], key_mask[at + 1u], key_mask[at + 2u], key_mask[at + 3u]) != vec4<u32>(0u);
}

fn block_bias(keys: vec4<u32>) -> vec4<f32> {
  if (params.has_bias == 0u) {
    return vec4<f32>(0.0);
  }
  let positions = keys + params.has_null;
  return vec4<f32>(bias_at(positions.x), bias_at(positions.y), bias_at(positions.z), bias_at(positions.w));
}

fn bias_at(position: u32) -> f32 {
  if (params.has_bias == 0u) {
    return 0.0;
  }
  return relative_bias[(place - min(place, position)) * params.bias_stride + head];
}

/// NaN stays NaN.
fn weights_of(scores: vec4<f32>, peak: f32) -> vec4<f16> {
  return vec4<f16>(select(exp(scores - peak), vec4<f32>(0.0), scores == vec4<f32>(LOWEST)));
}

/// Returns matrix n of the results before the first key: the value of the null key, or zeros.
fn first_value(block: u32, n: u32) -> Sum {
  if (params.has_null == 0u) {
    return Sum();
  }
  for (var i = 0u; i < OWN_VECTORS; i++) {
    let column = i * ROW_LANES + own_part;
    let at = n * VECTORS + column;
    if (column < VECTORS) {
      let value = select(vec4<f32>(0.0), null_kv[params.dim_head4 + at], at < params.dim_head4);
      sum_tile[block][own_row * SUM_STRIDE + column] = value;
    }
  }
  workgroupBarrier();
  let value = subgroupMatrixLoad<Sum, row_major>(&sum_tile[block], 0u, SUM_STRIDE);
  workgroupBarrier();
  return value;
}

/// Multiplies the rows of a matrix by the factors that their invocations have.
fn scaled(block: u32, value: Sum, factor: f32) -> Sum {
  subgroupMatrixStore<row_major>(&sum_tile[block], 0u, value, SUM_STRIDE);
  workgroupBarrier();
  for (var i = 0u; i < OWN_VECTORS; i++) {
    let column = i * ROW_LANES + own_part;
    if (column < VECTORS) {
      sum_tile[block][own_row * SUM_STRIDE + column] *= factor;
    }
  }
  workgroupBarrier();
  let result = subgroupMatrixLoad<Sum, row_major>(&sum_tile[block], 0u, SUM_STRIDE);
  workgroupBarrier();
  return result;
}

/// Writes matrix n of the results.
fn write(block: u32, value: Sum, n: u32, normalise: f32, rows: u32) {
  subgroupMatrixStore<row_major>(&sum_tile[block], 0u, value, SUM_STRIDE);
  workgroupBarrier();
  let query = row / (params.heads / params.kv_heads);
  let y_start = ((sample * params.queries + query) * params.heads + head) * params.dim_head4 + n * VECTORS;
  for (var i = 0u; i < OWN_VECTORS; i++) {
    let column = i * ROW_LANES + own_part;
    if (row < rows && column < VECTORS && n * VECTORS + column < params.dim_head4) {
      y[y_start + column] = Element4(sum_tile[block][own_row * SUM_STRIDE + column] * normalise);
    }
  }
  workgroupBarrier();
}
