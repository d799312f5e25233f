// m[point, tile, o] = Σ_c v[point, tile, c] · filters[point, c, o]
//
// The second kernel of a 3×3 convolution (see winograd_input.wgsl): a matrix product for each point, as in
// broadcast_matmul.wgsl. The points are side by side in y, each with `product_groups` workgroups of rows.
//: use lib/broadcast.wgsl

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

  var sums: Sums;
  for (var k = 0u; k < params.inner_vectors; k++) {
    let at = start + k * 4u * stride;
    let weight = mat4x4<f32>(
      filters[at], filters[at + stride], filters[at + 2u * stride], filters[at + 3u * stride]);
    add_rows(&sums, 0u, weight, v[v_at[0] + k]);
    if (OWN_ROWS > 1u) {
      add_rows(&sums, 1u, weight, v[v_at[1] + k]);
    }
    if (OWN_ROWS > 2u) {
      add_rows(&sums, 2u, weight, v[v_at[2] + k]);
    }
    if (OWN_ROWS > 3u) {
      add_rows(&sums, 3u, weight, v[v_at[3] + k]);
    }
  }

  if (group.x * LANES + lane >= stride) {
    return;
  }
  for (var i = 0u; i < MATRICES; i++) {
    for (var r = 0u; r < 4u; r++) {
      m[(first + i * 4u + r) * params.column_vectors + params.first_vector + column] = sums[i][r];
    }
  }
}
