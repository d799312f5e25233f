// Products in half precision by the matrix units of a GPU; sums in f32. A workgroup computes a tile of the result, and each
// of its subgroups FRAGMENT_ROWS × FRAGMENT_COLUMNS matrices of it. Tiles of x and w, DEPTH deep, go through workgroup
// memory. While the subgroups multiply one, the next is on its way from storage to registers.
//
// A unit is a vec4<u32>, the bits of eight halves. x and w are bound as units, so their rows must be whole units. The kernel
// declares x, w, y and params, and defines
//   fn rows() -> u32
//   fn all_steps() -> u32                       tiles of the inner axis
//   fn start_x(row: vec4<u32>, unit: u32, step: u32)
//                                               goes to a step: to `unit` of its tile, in four rows
//   fn next_step()
//   fn load_x(slot: u32) -> vec4<u32>           the unit in a row; zero if it does not exist
//   var<private> w_row: u32                     row of w with which the step begins
//
// Nothing that could stay in registers is indexed by a variable: drivers do not unroll the loops that Dawn gives them, and then
// keep arrays in memory. Loops count by one, because Dawn guards others against running forever. The blocks of workgroup memory
// are arrays of their own, in which matrices are at constant places, so that Dawn need not check where a matrix ends.
//: use lib/grid.wgsl
//: use lib/matrix_units.wgsl

const SUBGROUP_ROWS: u32 = 2u; //: const
const SUBGROUP_COLUMNS: u32 = 2u; //: const
// 1, 2 or 4.
const FRAGMENT_ROWS: u32 = 2u; //: const
const FRAGMENT_COLUMNS: u32 = 2u;
const DEPTH: u32 = 32u; //: const
// 1: the inner axis is divided among the workgroups in z, and y gets their sums, in f32: [splits, rows, panel_vectors].
const PARTIAL: u32 = 0u; //: const

const SUBGROUPS: u32 = SUBGROUP_ROWS * SUBGROUP_COLUMNS;
const INVOCATIONS: u32 = LANES * SUBGROUPS;
// Rows and columns of the result that a subgroup computes.
const OWN_ROWS: u32 = FRAGMENT_ROWS * SIZE_M;
const OWN_COLUMNS: u32 = FRAGMENT_COLUMNS * SIZE_N;
const TILE_ROWS: u32 = SUBGROUP_ROWS * OWN_ROWS;
const TILE_COLUMNS: u32 = SUBGROUP_COLUMNS * OWN_COLUMNS;
// Matrices in the depth of a tile.
const BLOCKS: u32 = DEPTH / SIZE_K;

// A block is what the subgroups of a row (of a column) multiply at a time. One unit between rows, so that rows that are read
// together are in different banks.
const X_UNITS: u32 = SIZE_K / 8u;
const W_UNITS: u32 = OWN_COLUMNS / 8u;
const SUM_VECTORS: u32 = OWN_COLUMNS / 4u;
const X_STRIDE: u32 = X_UNITS + 1u;
const W_STRIDE: u32 = W_UNITS + 1u;
const SUM_STRIDE: u32 = SUM_VECTORS + 1u;
const X_BLOCKS: u32 = SUBGROUP_ROWS * BLOCKS;
const W_BLOCKS: u32 = SUBGROUP_COLUMNS * BLOCKS;
var<workgroup> x_tile: array<array<vec4<u32>, OWN_ROWS * X_STRIDE>, X_BLOCKS>;
var<workgroup> w_tile: array<array<vec4<u32>, SIZE_K * W_STRIDE>, W_BLOCKS>;
var<workgroup> sum_tile: array<array<vec4<f32>, SIZE_M * SUM_STRIDE>, SUBGROUPS>;

// Where the matrices of a block begin. Also what is not used must be inside of the block.
const LEFT1: u32 = min(1u, FRAGMENT_ROWS - 1u) * SIZE_M * X_STRIDE;
const LEFT2: u32 = min(2u, FRAGMENT_ROWS - 1u) * SIZE_M * X_STRIDE;
const LEFT3: u32 = min(3u, FRAGMENT_ROWS - 1u) * SIZE_M * X_STRIDE;
const RIGHT1: u32 = SIZE_N / 8u;
const SUM1: u32 = SIZE_N / 4u;

// Units in a row of a tile.
const X_WIDTH: u32 = DEPTH / 8u;
const W_WIDTH: u32 = TILE_COLUMNS / 8u;
// Units that each invocation loads for a tile, and the rows between them.
const X_LOADS: u32 = TILE_ROWS * X_WIDTH / INVOCATIONS;
const W_LOADS: u32 = DEPTH * W_WIDTH / INVOCATIONS;
const X_STEP: u32 = INVOCATIONS / X_WIDTH;
const W_STEP: u32 = INVOCATIONS / W_WIDTH;
const_assert X_LOADS * INVOCATIONS == TILE_ROWS * X_WIDTH && X_STEP * X_WIDTH == INVOCATIONS && X_LOADS <= 4u;
const_assert W_LOADS * INVOCATIONS == DEPTH * W_WIDTH && W_STEP * W_WIDTH == INVOCATIONS && W_LOADS <= 4u;
// vec4s of sums that each invocation writes at a time.
const WRITES: u32 = SIZE_M * SUM_VECTORS / LANES;
const_assert WRITES * LANES == SIZE_M * SUM_VECTORS;

fn put_x(row: u32, unit: u32, value: vec4<u32>) {
  let block = row / OWN_ROWS * BLOCKS + unit / X_UNITS;
  x_tile[block][row % OWN_ROWS * X_STRIDE + unit % X_UNITS] = value;
}

fn put_w(row: u32, unit: u32, value: vec4<u32>) {
  let block = unit / W_UNITS * BLOCKS + row / SIZE_K;
  w_tile[block][row % SIZE_K * W_STRIDE + unit % W_UNITS] = value;
}

@compute @workgroup_size(LANES, SUBGROUP_COLUMNS, SUBGROUP_ROWS)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
) {
  let is_partial = PARTIAL == 1u;
  let first_row = select(group.z * MAX_GROUPS + group.y, group.y, is_partial) * TILE_ROWS;
  let begin = select(0u, all_steps() * group.z / groups.z, is_partial);
  let end = select(all_steps(), all_steps() * (group.z + 1u) / groups.z, is_partial);
  let subgroup_row = subgroup / SUBGROUP_COLUMNS;
  let subgroup_column = subgroup % SUBGROUP_COLUMNS;

  let x_row = lane / X_WIDTH;
  let x_unit = lane % X_WIDTH;
  start_x(first_row + x_row + vec4<u32>(0u, 1u, 2u, 3u) * X_STEP, x_unit, begin);
  // Beyond the last column or row, w gives any of its numbers: columns beyond the edge are not written, and x is zero beyond
  // the inner axis.
  let w_line = lane / W_WIDTH;
  let w_unit = lane % W_WIDTH;
  let w_stride = params.panel_vectors / 2u;
  let w_from = w_line * w_stride + group.x * W_WIDTH + w_unit;

  var w_at = w_from + w_row * w_stride;
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
    put_x(x_row, x_unit, x0);
    if (X_LOADS > 1u) { put_x(x_row + X_STEP, x_unit, x1); }
    if (X_LOADS > 2u) { put_x(x_row + 2u * X_STEP, x_unit, x2); }
    if (X_LOADS > 3u) { put_x(x_row + 3u * X_STEP, x_unit, x3); }
    put_w(w_line, w_unit, w0);
    if (W_LOADS > 1u) { put_w(w_line + W_STEP, w_unit, w1); }
    if (W_LOADS > 2u) { put_w(w_line + 2u * W_STEP, w_unit, w2); }
    if (W_LOADS > 3u) { put_w(w_line + 3u * W_STEP, w_unit, w3); }
    workgroupBarrier();

    // What lies beyond the last step is loaded, too, and not used.
    next_step();
    w_at = w_from + w_row * w_stride;
    x0 = load_x(0u);
    if (X_LOADS > 1u) { x1 = load_x(1u); }
    if (X_LOADS > 2u) { x2 = load_x(2u); }
    if (X_LOADS > 3u) { x3 = load_x(3u); }
    w0 = w[w_at];
    if (W_LOADS > 1u) { w1 = w[w_at + W_STEP * w_stride]; }
    if (W_LOADS > 2u) { w2 = w[w_at + 2u * W_STEP * w_stride]; }
    if (W_LOADS > 3u) { w3 = w[w_at + 3u * W_STEP * w_stride]; }

    for (var k = 0u; k < BLOCKS; k++) {
      let x_block = &x_tile[subgroup_row * BLOCKS + k];
      let w_block = &w_tile[subgroup_column * BLOCKS + k];
      let right0 = subgroupMatrixLoad<Right, row_major>(w_block, 0u, W_STRIDE);
      let right1 = subgroupMatrixLoad<Right, row_major>(w_block, RIGHT1, W_STRIDE);
      let left0 = subgroupMatrixLoad<Left, row_major>(x_block, 0u, X_STRIDE);
      sum00 = subgroupMatrixMultiplyAccumulate(left0, right0, sum00);
      sum01 = subgroupMatrixMultiplyAccumulate(left0, right1, sum01);
      if (FRAGMENT_ROWS > 1u) {
        let left1 = subgroupMatrixLoad<Left, row_major>(x_block, LEFT1, X_STRIDE);
        sum10 = subgroupMatrixMultiplyAccumulate(left1, right0, sum10);
        sum11 = subgroupMatrixMultiplyAccumulate(left1, right1, sum11);
      }
      if (FRAGMENT_ROWS > 2u) {
        let left2 = subgroupMatrixLoad<Left, row_major>(x_block, LEFT2, X_STRIDE);
        sum20 = subgroupMatrixMultiplyAccumulate(left2, right0, sum20);
        sum21 = subgroupMatrixMultiplyAccumulate(left2, right1, sum21);
        let left3 = subgroupMatrixLoad<Left, row_major>(x_block, LEFT3, X_STRIDE);
        sum30 = subgroupMatrixMultiplyAccumulate(left3, right0, sum30);
        sum31 = subgroupMatrixMultiplyAccumulate(left3, right1, sum31);
      }
    }
    workgroupBarrier();
  }

  // The sums go through workgroup memory, one row of matrices at a time.
  let row = first_row + subgroup_row * OWN_ROWS;
  let column = group.x * (TILE_COLUMNS / 4u) + subgroup_column * SUM_VECTORS;
  let sums = &sum_tile[subgroup];
  subgroupMatrixStore<row_major>(sums, 0u, sum00, SUM_STRIDE);
  subgroupMatrixStore<row_major>(sums, SUM1, sum01, SUM_STRIDE);
  write_sums(subgroup, subgroup_lane, row, column, group.z);
  if (FRAGMENT_ROWS > 1u) {
    subgroupMatrixStore<row_major>(sums, 0u, sum10, SUM_STRIDE);
    subgroupMatrixStore<row_major>(sums, SUM1, sum11, SUM_STRIDE);
    write_sums(subgroup, subgroup_lane, row + SIZE_M, column, group.z);
  }
  if (FRAGMENT_ROWS > 2u) {
    subgroupMatrixStore<row_major>(sums, 0u, sum20, SUM_STRIDE);
    subgroupMatrixStore<row_major>(sums, SUM1, sum21, SUM_STRIDE);
    write_sums(subgroup, subgroup_lane, row + 2u * SIZE_M, column, group.z);
    subgroupMatrixStore<row_major>(sums, 0u, sum30, SUM_STRIDE);
    subgroupMatrixStore<row_major>(sums, SUM1, sum31, SUM_STRIDE);
    write_sums(subgroup, subgroup_lane, row + 3u * SIZE_M, column, group.z);
  }
}

/// Writes SIZE_M rows of sums, which a subgroup has put into its part of workgroup memory.
fn write_sums(subgroup: u32, subgroup_lane: u32, first_row: u32, first_column: u32, split: u32) {
  workgroupBarrier();
  for (var n = 0u; n < WRITES; n++) {
    let at = n * LANES + subgroup_lane;
    let row = first_row + at / SUM_VECTORS;
    let column = first_column + at % SUM_VECTORS;
    if (row < rows() && column < params.panel_vectors) {
      let sum = sum_tile[subgroup][at / SUM_VECTORS * SUM_STRIDE + at % SUM_VECTORS];
      if (PARTIAL == 1u) {
        y[(split * rows() + row) * params.panel_vectors + column] = Element4(sum);
      } else {
        finish(sum, row, column);
      }
    }
  }
  workgroupBarrier();
}
