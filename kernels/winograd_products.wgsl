// m[point, tile, o] = Σ_c v[point, tile, c] · filters[point, c, o]
//
// The second kernel of a 3×3 convolution (see winograd_input.wgsl): a matrix product for each point, as in
// broadcast_matmul.wgsl. The points are side by side in y, each with `product_groups` workgroups of rows. Sums are named
// variables: SwiftShader keeps no array in registers.
//: use lib/broadcast.wgsl

// The most rows that a lane loads.
const MAX_OWN_ROWS: u32 = 4u;

// Sums of the rows that one load of all lanes gives, by four lanes. Those of lanes that do not exist are not used.
struct RowSums {
  lanes_0: mat4x4<f32>,
  lanes_4: mat4x4<f32>,
  lanes_8: mat4x4<f32>,
  lanes_12: mat4x4<f32>,
}

struct Params {
  // First vec4 of the columns of this panel, and their number; those of all panels.
  first_vector: u32,
  panel_vectors: u32,
  column_vectors: u32,
  inner_vectors: u32,
  product_groups: u32,
}

@group(0) @binding(0) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> filters: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

/// Adds four terms to each sum: `own` is four values of the lane's own row.
fn add_rows(sums: ptr<function, RowSums>, weight: mat4x4<f32>, own: vec4<f32>) {
  (*sums).lanes_0 += weight * rows_of_lanes_0(own);
  if (LANES > 4u) {
    (*sums).lanes_4 += weight * rows_of_lanes_4(own);
  }
  if (LANES > 8u) {
    (*sums).lanes_8 += weight * rows_of_lanes_8(own);
    (*sums).lanes_12 += weight * rows_of_lanes_12(own);
  }
}

/// Returns the sums of four lanes, for loops over them when all are complete.
fn sums_of_lanes(sums: RowSums, lane: u32) -> mat4x4<f32> {
  switch lane {
    case 0u: { return sums.lanes_0; }
    case 4u: { return sums.lanes_4; }
    case 8u: { return sums.lanes_8; }
    default: { return sums.lanes_12; }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let stride = params.panel_vectors;
  let first = first_row(group);
  let point = (group.z * MAX_GROUPS + group.y) / params.product_groups;
  // Columns beyond the edge are computed from the last one, and not written: all lanes must take part.
  let column = min(group.x * LANES + lane, stride - 1u);
  let start = point * params.inner_vectors * 4u * stride + column;

  var v_at: array<u32, MAX_OWN_ROWS>;
  for (var i = 0u; i < MAX_OWN_ROWS; i++) {
    v_at[i] = (first + i * LANES + lane) * params.inner_vectors;
  }

  var sum_0: RowSums;
  var sum_1: RowSums;
  var sum_2: RowSums;
  var sum_3: RowSums;
  for (var k = 0u; k < params.inner_vectors; k++) {
    let at = start + k * 4u * stride;
    let weight = mat4x4<f32>(
      filters[at], filters[at + stride], filters[at + 2u * stride], filters[at + 3u * stride]);
    add_rows(&sum_0, weight, v[v_at[0] + k]);
    if (OWN_ROWS > 1u) {
      add_rows(&sum_1, weight, v[v_at[1] + k]);
    }
    if (OWN_ROWS > 2u) {
      add_rows(&sum_2, weight, v[v_at[2] + k]);
    }
    if (OWN_ROWS > 3u) {
      add_rows(&sum_3, weight, v[v_at[3] + k]);
    }
  }

  if (group.x * LANES + lane >= stride) {
    return;
  }
  var sums = array<RowSums, MAX_OWN_ROWS>(sum_0, sum_1, sum_2, sum_3);
  for (var i = 0u; i < OWN_ROWS; i++) {
    for (var four = 0u; four < LANES; four += 4u) {
      let rows = sums_of_lanes(sums[i], four);
      for (var r = 0u; r < 4u; r++) {
        m[(first + i * LANES + four + r) * params.column_vectors + params.first_vector + column] = rows[r];
      }
    }
  }
}
