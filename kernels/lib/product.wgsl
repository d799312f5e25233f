// Divides the outputs of a product, rows of vec4s, among invocations. A workgroup has GROUP_ROWS × GROUP_COLUMNS
// invocations; each keeps a tile of TILE_ROWS rows × TILE_VECTORS vec4s in registers. Workgroups are side by side in x
// and one below the other in y. Rows beyond the limit of y continue in z.
//: use lib/grid.wgsl

const GROUP_COLUMNS: u32 = 4u;
const GROUP_ROWS: u32 = 8u;

const TILE_ROWS: u32 = 4u; //: const
const TILE_VECTORS: u32 = 2u; //: const

/// Returns the first vec4 of the tile of an invocation; `group_x` counts workgroups.
fn tile_column(group_x: u32, local: vec3<u32>) -> u32 {
  return (group_x * GROUP_COLUMNS + local.x) * TILE_VECTORS;
}

/// Returns the first row of the tile of an invocation.
fn tile_row(group: vec3<u32>, local: vec3<u32>) -> u32 {
  return ((group.z * MAX_GROUPS + group.y) * GROUP_ROWS + local.y) * TILE_ROWS;
}
