// Products through workgroup memory, for GPUs. A workgroup has GROUP_ROWS × GROUP_COLUMNS invocations. Each computes eight
// rows × two vec4s of columns of the result, which it keeps in four matrices: its row i is row i · GROUP_ROWS of the tile
// from its own on, and likewise its vec4s. Four rows are one matrix, as in W · A with the columns w[k] of W and a row of x
// in each column of A. While one tile is multiplied, the next is on its way from storage to registers.
//
// The kernel declares x, w, y and params, and defines
//   fn rows() -> u32
//   fn inner_units() -> u32                  vec4s of the inner axis
//   fn start_x(row: vec4<u32>, unit: u32)    goes to a vec4 of the inner axis in four rows
//   fn advance_x(units: u32)
//   fn x_exists(row: u32) -> bool            whether the current vec4 of a row exists: if not, it is zero
//   var<private> x_at: vec4<u32>             where it is in x
//
// Nothing is indexed by a variable that could stay in registers: drivers do not unroll loops, and then keep arrays in memory.
//: use lib/grid.wgsl

const GROUP_ROWS: u32 = 8u; //: const
const GROUP_COLUMNS: u32 = 8u; //: const
// vec4s of the inner axis in a tile.
const DEPTH4: u32 = 4u; //: const
// 1: the inner axis is divided among the workgroups in z, and y gets their sums, in f32: [splits, rows, panel_vectors].
const PARTIAL: u32 = 0u; //: const

const INVOCATIONS: u32 = GROUP_ROWS * GROUP_COLUMNS;
const TILE_ROWS: u32 = 8u * GROUP_ROWS;
const TILE_VECTORS: u32 = 2u * GROUP_COLUMNS;
// One vec4 between rows, so that rows that are read together are in different banks.
const X_STRIDE: u32 = DEPTH4 + 1u;
const X_SIZE: u32 = TILE_ROWS * X_STRIDE;
const BUFFER_SIZE: u32 = X_SIZE + 4u * DEPTH4 * TILE_VECTORS;
// One tile is written while the other is read.
var<workgroup> memory: array<vec4<f32>, 2u * BUFFER_SIZE>;

// vec4s that each invocation loads for a tile: at most four each.
const X_LOADS: u32 = TILE_ROWS * DEPTH4 / INVOCATIONS;
const W_LOADS: u32 = 4u * DEPTH4 * TILE_VECTORS / INVOCATIONS;
const_assert X_LOADS * INVOCATIONS == TILE_ROWS * DEPTH4 && INVOCATIONS % DEPTH4 == 0u && X_LOADS <= 4u;
const_assert W_LOADS * INVOCATIONS == 4u * DEPTH4 * TILE_VECTORS && INVOCATIONS % TILE_VECTORS == 0u && W_LOADS <= 4u;
// Rows between the vec4s of an invocation.
const X_STEP: u32 = INVOCATIONS / DEPTH4;
const W_STEP: u32 = INVOCATIONS / TILE_VECTORS;

fn load_x(slot: u32) -> vec4<f32> {
  return select(vec4<f32>(0.0), vec4<f32>(x[x_at[slot]]), x_exists(slot));
}

fn four_rows(at: u32) -> mat4x4<f32> {
  return mat4x4<f32>(
    memory[at],
    memory[at + GROUP_ROWS * X_STRIDE],
    memory[at + 2u * GROUP_ROWS * X_STRIDE],
    memory[at + 3u * GROUP_ROWS * X_STRIDE]);
}

fn four_weights(at: u32) -> mat4x4<f32> {
  return mat4x4<f32>(
    memory[at], memory[at + TILE_VECTORS], memory[at + 2u * TILE_VECTORS], memory[at + 3u * TILE_VECTORS]);
}

@compute @workgroup_size(GROUP_COLUMNS, GROUP_ROWS)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let is_partial = PARTIAL == 1u;
  let first_row = select(group.z * MAX_GROUPS + group.y, group.y, is_partial) * TILE_ROWS;
  let all_steps = (inner_units() + DEPTH4 - 1u) / DEPTH4;
  let begin = select(0u, all_steps * group.z / groups.z, is_partial);
  let end = select(all_steps, all_steps * (group.z + 1u) / groups.z, is_partial);

  // Where this invocation puts its vec4s of x and w in a tile.
  let x_to = lane / DEPTH4 * X_STRIDE + lane % DEPTH4;
  let w_to = X_SIZE + lane;
  start_x(first_row + lane / DEPTH4 + vec4<u32>(0u, 1u, 2u, 3u) * X_STEP, begin * DEPTH4 + lane % DEPTH4);
  // Beyond the last column or row, w gives any of its numbers: columns beyond the edge are not written, and x is zero beyond
  // the inner axis.
  let w_stride = params.panel_vectors;
  var w_at = (begin * DEPTH4 * 4u + lane / TILE_VECTORS) * w_stride + group.x * TILE_VECTORS + lane % TILE_VECTORS;

  var x0 = load_x(0u);
  var x1: vec4<f32>;
  var x2: vec4<f32>;
  var x3: vec4<f32>;
  if (X_LOADS > 1u) { x1 = load_x(1u); }
  if (X_LOADS > 2u) { x2 = load_x(2u); }
  if (X_LOADS > 3u) { x3 = load_x(3u); }
  var w0 = from_stored(w[w_at]);
  var w1: vec4<f32>;
  var w2: vec4<f32>;
  var w3: vec4<f32>;
  if (W_LOADS > 1u) { w1 = from_stored(w[w_at + W_STEP * w_stride]); }
  if (W_LOADS > 2u) { w2 = from_stored(w[w_at + 2u * W_STEP * w_stride]); }
  if (W_LOADS > 3u) { w3 = from_stored(w[w_at + 3u * W_STEP * w_stride]); }

  var sum00: mat4x4<f32>;
  var sum01: mat4x4<f32>;
  var sum10: mat4x4<f32>;
  var sum11: mat4x4<f32>;
  for (var step = begin; step < end; step++) {
    let buffer = step % 2u * BUFFER_SIZE;
    memory[buffer + x_to] = x0;
    if (X_LOADS > 1u) { memory[buffer + x_to + X_STEP * X_STRIDE] = x1; }
    if (X_LOADS > 2u) { memory[buffer + x_to + 2u * X_STEP * X_STRIDE] = x2; }
    if (X_LOADS > 3u) { memory[buffer + x_to + 3u * X_STEP * X_STRIDE] = x3; }
    memory[buffer + w_to] = w0;
    if (W_LOADS > 1u) { memory[buffer + w_to + INVOCATIONS] = w1; }
    if (W_LOADS > 2u) { memory[buffer + w_to + 2u * INVOCATIONS] = w2; }
    if (W_LOADS > 3u) { memory[buffer + w_to + 3u * INVOCATIONS] = w3; }
    workgroupBarrier();

    // What lies beyond the last step is loaded, too, and not used.
    advance_x(DEPTH4);
    x0 = load_x(0u);
    if (X_LOADS > 1u) { x1 = load_x(1u); }
    if (X_LOADS > 2u) { x2 = load_x(2u); }
    if (X_LOADS > 3u) { x3 = load_x(3u); }
    w_at += 4u * DEPTH4 * w_stride;
    w0 = from_stored(w[w_at]);
    if (W_LOADS > 1u) { w1 = from_stored(w[w_at + W_STEP * w_stride]); }
    if (W_LOADS > 2u) { w2 = from_stored(w[w_at + 2u * W_STEP * w_stride]); }
    if (W_LOADS > 3u) { w3 = from_stored(w[w_at + 3u * W_STEP * w_stride]); }

    // By four, so that software adapters do not unroll the loop: that takes them seconds to compile.
    for (var k = 0u; k < 4u * DEPTH4; k += 4u) {
      let upper = four_rows(buffer + local.y * X_STRIDE + k / 4u);
      let lower = four_rows(buffer + (local.y + 4u * GROUP_ROWS) * X_STRIDE + k / 4u);
      let left = four_weights(buffer + X_SIZE + k * TILE_VECTORS + local.x);
      let right = four_weights(buffer + X_SIZE + k * TILE_VECTORS + local.x + GROUP_COLUMNS);
      sum00 += left * upper;
      sum01 += right * upper;
      sum10 += left * lower;
      sum11 += right * lower;
    }
  }

  // A loop, so that the epilogue is compiled once: software adapters take seconds for sixteen.
  let sums = array<mat4x4<f32>, 4>(sum00, sum01, sum10, sum11);
  for (var i = 0u; i < 16u; i++) {
    let row = first_row + local.y + (i / 8u * 4u + i % 4u) * GROUP_ROWS;
    let column = group.x * TILE_VECTORS + local.x + i / 4u % 2u * GROUP_COLUMNS;
    if (row < rows() && column < params.panel_vectors) {
      let sum = sums[i / 4u][i % 4u] * column_scales(inner_units() * 4u * params.panel_vectors, column);
      if (PARTIAL == 1u) {
        y[(group.z * rows() + row) * params.panel_vectors + column] = Element4(sum);
      } else {
        finish(sum, row, column);
      }
    }
  }
}
