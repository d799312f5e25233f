// How the outputs of a product, rows of vec4s, are shared out: a workgroup has GROUP_ROWS × GROUP_COLUMNS invocations,
// each of which keeps a tile of TILE_ROWS rows × TILE_VECTORS vec4s in registers. Workgroups lie side by side in x and
// below each other in y; what exceeds the limit of y goes on in z.
//: use lib/grid.wgsl

const GROUP_COLUMNS: u32 = 4u;
const GROUP_ROWS: u32 = 8u;

const TILE_ROWS: u32 = 4u; //: const
const TILE_VECTORS: u32 = 2u; //: const

/// First vec4 of an invocation's tile; `group_x` counts workgroups.
fn tile_column(group_x: u32, local: vec3<u32>) -> u32 {
  return (group_x * GROUP_COLUMNS + local.x) * TILE_VECTORS;
}

/// First row of an invocation's tile.
fn tile_row(group: vec3<u32>, local: vec3<u32>) -> u32 {
  return ((group.z * MAX_GROUPS + group.y) * GROUP_ROWS + local.y) * TILE_ROWS;
}
