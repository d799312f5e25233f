// Products in half precision by the matrix units of a GPU; sums in f32. A workgroup computes a tile of the result, and each
// of its subgroups FRAGMENT_ROWS × FRAGMENT_COLUMNS matrices of it. Tiles of x and w, DEPTH deep, go through workgroup
// memory. While the subgroups multiply one, the next is on its way from storage to registers.
//
// A unit is a vec4<u32>, the bits of eight halves or of four floats. x and w are bound as units, so their rows must be whole
// units. The kernel declares x, w, y and params, and uses lib/rows.wgsl or lib/pixels.wgsl.
//
// Nothing is indexed by a variable that could stay in registers: drivers do not unroll loops, and then keep arrays in memory.
//: enable f16
//: enable subgroups
//: enable chromium_experimental_subgroup_matrix
//: use lib/grid.wgsl

const LANES: u32 = 32u; //: const
// A subgroup multiplies SIZE_M × SIZE_K by SIZE_K × SIZE_N.
const SIZE_M: u32 = 16u; //: const
const SIZE_N: u32 = 16u; //: const
const SIZE_K: u32 = 16u; //: const
const SUBGROUP_ROWS: u32 = 2u; //: const
const SUBGROUP_COLUMNS: u32 = 2u; //: const
// At most 4 × 2.
const FRAGMENT_ROWS: u32 = 2u; //: const
const FRAGMENT_COLUMNS: u32 = 2u; //: const
const DEPTH: u32 = 32u; //: const
// Tiles in workgroup memory. One is written while the other is read.
const BUFFERS: u32 = 2u; //: const
// 1: the inner axis is divided among the workgroups in z, and y gets their sums, in f32: [splits, rows, panel_vectors].
const PARTIAL: u32 = 0u; //: const

const UNIT_VECTORS: u32 = 2u;
const INVOCATIONS: u32 = LANES * SUBGROUP_ROWS * SUBGROUP_COLUMNS;
const TILE_ROWS: u32 = SUBGROUP_ROWS * FRAGMENT_ROWS * SIZE_M;
const TILE_COLUMNS: u32 = SUBGROUP_COLUMNS * FRAGMENT_COLUMNS * SIZE_N;

const X_UNITS: u32 = DEPTH / 8u;
const W_UNITS: u32 = TILE_COLUMNS / 8u;
const SUM_UNITS: u32 = TILE_COLUMNS / 4u;
// One unit between rows, so that rows that are read together are in different banks.
const X_STRIDE: u32 = X_UNITS + 1u;
const W_STRIDE: u32 = W_UNITS + 1u;
const SUM_STRIDE: u32 = SUM_UNITS + 1u;
const X_SIZE: u32 = TILE_ROWS * X_STRIDE;
const BUFFER_SIZE: u32 = X_SIZE + DEPTH * W_STRIDE;
const SUM_ROWS: u32 = SUBGROUP_ROWS * SIZE_M;
var<workgroup> memory: array<vec4<u32>, max(BUFFERS * BUFFER_SIZE, SUM_ROWS * SUM_STRIDE)>;

// Units that each invocation loads for a tile: at most four each.
const X_LOADS: u32 = TILE_ROWS * X_UNITS / INVOCATIONS;
const W_LOADS: u32 = DEPTH * W_UNITS / INVOCATIONS;
const_assert X_LOADS * INVOCATIONS == TILE_ROWS * X_UNITS && INVOCATIONS % X_UNITS == 0u && X_LOADS <= 4u;
const_assert W_LOADS * INVOCATIONS == DEPTH * W_UNITS && INVOCATIONS % W_UNITS == 0u && W_LOADS <= 4u;
// Rows between the units of an invocation.
const X_STEP: u32 = INVOCATIONS / X_UNITS;
const W_STEP: u32 = INVOCATIONS / W_UNITS;

alias Left = subgroup_matrix_left<f16, SIZE_K, SIZE_M>;
alias Right = subgroup_matrix_right<f16, SIZE_N, SIZE_K>;
alias Sum = subgroup_matrix_result<f32, SIZE_N, SIZE_M>;

fn load_x(slot: u32) -> vec4<u32> {
  return select(vec4<u32>(0u), x[x_at[slot]], x_exists(slot));
}

fn left_at(at: u32) -> Left {
  return subgroupMatrixLoad<Left, row_major>(&memory, at, X_STRIDE);
}

fn right_at(at: u32) -> Right {
  return subgroupMatrixLoad<Right, row_major>(&memory, at, W_STRIDE);
}

@compute @workgroup_size(LANES, SUBGROUP_COLUMNS, SUBGROUP_ROWS)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  let is_partial = PARTIAL == 1u;
  let first_row = select(group.z * MAX_GROUPS + group.y, group.y, is_partial) * TILE_ROWS;
  let all_steps = (inner_units() + X_UNITS - 1u) / X_UNITS;
  let begin = select(0u, all_steps * group.z / groups.z, is_partial);
  let end = select(all_steps, all_steps * (group.z + 1u) / groups.z, is_partial);

  // Where this invocation puts its units of x and w in a tile.
  let x_to = lane / X_UNITS * X_STRIDE + lane % X_UNITS;
  let w_to = X_SIZE + lane / W_UNITS * W_STRIDE + lane % W_UNITS;
  start_x(first_row + lane / X_UNITS + vec4<u32>(0u, 1u, 2u, 3u) * X_STEP, begin * X_UNITS + lane % X_UNITS);
  // Beyond the last column or row, w gives any of its numbers: columns beyond the edge are not written, and x is zero beyond
  // the inner axis.
  let w_stride = params.panel_vectors / 2u;
  var w_at = (begin * DEPTH + lane / W_UNITS) * w_stride + group.x * W_UNITS + lane % W_UNITS;
  // Where the matrices of this subgroup begin in a tile.
  let x_from = subgroup / SUBGROUP_COLUMNS * (FRAGMENT_ROWS * SIZE_M * X_STRIDE);
  let w_from = X_SIZE + subgroup % SUBGROUP_COLUMNS * (FRAGMENT_COLUMNS * SIZE_N / 8u);

  var x0 = load_x(0u);
  var x1: vec4<u32>;
  var x2: vec4<u32>;
  var x3: vec4<u32>;
  if (X_LOADS > 1u) { x1 = load_x(1u); }
  if (X_LOADS > 2u) { x2 = load_x(2u); }
  if (X_LOADS > 3u) { x3 = load_x(3u); }
  var w0 = w[w_at];
  var w1: vec4<u32>;
  var w2: vec4<u32>;
  var w3: vec4<u32>;
  if (W_LOADS > 1u) { w1 = w[w_at + W_STEP * w_stride]; }
  if (W_LOADS > 2u) { w2 = w[w_at + 2u * W_STEP * w_stride]; }
  if (W_LOADS > 3u) { w3 = w[w_at + 3u * W_STEP * w_stride]; }

  var sum00: Sum;
  var sum01: Sum;
  var sum10: Sum;
  var sum11: Sum;
  var sum20: Sum;
  var sum21: Sum;
  var sum30: Sum;
  var sum31: Sum;
  for (var step = begin; step < end; step++) {
    let buffer = step % BUFFERS * BUFFER_SIZE;
    memory[buffer + x_to] = x0;
    if (X_LOADS > 1u) { memory[buffer + x_to + X_STEP * X_STRIDE] = x1; }
    if (X_LOADS > 2u) { memory[buffer + x_to + 2u * X_STEP * X_STRIDE] = x2; }
    if (X_LOADS > 3u) { memory[buffer + x_to + 3u * X_STEP * X_STRIDE] = x3; }
    memory[buffer + w_to] = w0;
    if (W_LOADS > 1u) { memory[buffer + w_to + W_STEP * W_STRIDE] = w1; }
    if (W_LOADS > 2u) { memory[buffer + w_to + 2u * W_STEP * W_STRIDE] = w2; }
    if (W_LOADS > 3u) { memory[buffer + w_to + 3u * W_STEP * W_STRIDE] = w3; }
    workgroupBarrier();

    // What lies beyond the last step is loaded, too, and not used.
    advance_x(X_UNITS);
    x0 = load_x(0u);
    if (X_LOADS > 1u) { x1 = load_x(1u); }
    if (X_LOADS > 2u) { x2 = load_x(2u); }
    if (X_LOADS > 3u) { x3 = load_x(3u); }
    w_at += DEPTH * w_stride;
    w0 = w[w_at];
    if (W_LOADS > 1u) { w1 = w[w_at + W_STEP * w_stride]; }
    if (W_LOADS > 2u) { w2 = w[w_at + 2u * W_STEP * w_stride]; }
    if (W_LOADS > 3u) { w3 = w[w_at + 3u * W_STEP * w_stride]; }

    for (var k = 0u; k < DEPTH; k += SIZE_K) {
      let x_start = buffer + x_from + k / 8u;
      let w_start = buffer + w_from + k * W_STRIDE;
      let right0 = right_at(w_start);
      var right1: Right;
      if (FRAGMENT_COLUMNS > 1u) { right1 = right_at(w_start + SIZE_N / 8u); }
      let left0 = left_at(x_start);
      sum00 = subgroupMatrixMultiplyAccumulate(left0, right0, sum00);
      if (FRAGMENT_COLUMNS > 1u) { sum01 = subgroupMatrixMultiplyAccumulate(left0, right1, sum01); }
      if (FRAGMENT_ROWS > 1u) {
        let left1 = left_at(x_start + SIZE_M * X_STRIDE);
        sum10 = subgroupMatrixMultiplyAccumulate(left1, right0, sum10);
        if (FRAGMENT_COLUMNS > 1u) { sum11 = subgroupMatrixMultiplyAccumulate(left1, right1, sum11); }
      }
      if (FRAGMENT_ROWS > 2u) {
        let left2 = left_at(x_start + 2u * SIZE_M * X_STRIDE);
        sum20 = subgroupMatrixMultiplyAccumulate(left2, right0, sum20);
        if (FRAGMENT_COLUMNS > 1u) { sum21 = subgroupMatrixMultiplyAccumulate(left2, right1, sum21); }
        let left3 = left_at(x_start + 3u * SIZE_M * X_STRIDE);
        sum30 = subgroupMatrixMultiplyAccumulate(left3, right0, sum30);
        if (FRAGMENT_COLUMNS > 1u) { sum31 = subgroupMatrixMultiplyAccumulate(left3, right1, sum31); }
      }
    }
    if (BUFFERS == 1u) {
      workgroupBarrier();
    }
  }

  // The sums go through workgroup memory, one row of matrices of each subgroup at a time.
  let sum_to = subgroup / SUBGROUP_COLUMNS * (SIZE_M * SUM_STRIDE)
    + subgroup % SUBGROUP_COLUMNS * (FRAGMENT_COLUMNS * SIZE_N / 4u);
  workgroupBarrier();
  subgroupMatrixStore<row_major>(&memory, sum_to, sum00, SUM_STRIDE);
  if (FRAGMENT_COLUMNS > 1u) { subgroupMatrixStore<row_major>(&memory, sum_to + SIZE_N / 4u, sum01, SUM_STRIDE); }
  write_sums(0u, first_row, group, lane);
  if (FRAGMENT_ROWS > 1u) {
    subgroupMatrixStore<row_major>(&memory, sum_to, sum10, SUM_STRIDE);
    if (FRAGMENT_COLUMNS > 1u) { subgroupMatrixStore<row_major>(&memory, sum_to + SIZE_N / 4u, sum11, SUM_STRIDE); }
    write_sums(1u, first_row, group, lane);
  }
  if (FRAGMENT_ROWS > 2u) {
    subgroupMatrixStore<row_major>(&memory, sum_to, sum20, SUM_STRIDE);
    if (FRAGMENT_COLUMNS > 1u) { subgroupMatrixStore<row_major>(&memory, sum_to + SIZE_N / 4u, sum21, SUM_STRIDE); }
    write_sums(2u, first_row, group, lane);
    subgroupMatrixStore<row_major>(&memory, sum_to, sum30, SUM_STRIDE);
    if (FRAGMENT_COLUMNS > 1u) { subgroupMatrixStore<row_major>(&memory, sum_to + SIZE_N / 4u, sum31, SUM_STRIDE); }
    write_sums(3u, first_row, group, lane);
  }
}

/// Writes what the subgroups put into memory, their row `fragment` of matrices, to y.
fn write_sums(fragment: u32, first_row: u32, group: vec3<u32>, lane: u32) {
  workgroupBarrier();
  for (var at = lane; at < SUM_ROWS * SUM_UNITS; at += INVOCATIONS) {
    let line = at / SUM_UNITS;
    let row = first_row + (line / SIZE_M * FRAGMENT_ROWS + fragment) * SIZE_M + line % SIZE_M;
    let column = group.x * SUM_UNITS + at % SUM_UNITS;
    if (row < rows() && column < params.panel_vectors) {
      let value = memory[line * SUM_STRIDE + at % SUM_UNITS];
      if (PARTIAL == 1u) {
        y[(group.z * rows() + row) * params.panel_vectors + column] = Element4(bitcast<vec4<f32>>(value));
      } else {
        finish(bitcast<vec4<f32>>(value), row, column);
      }
    }
  }
  workgroupBarrier();
}
