// Products for adapters that compute on the CPU and load once for all lanes where the address is the same for all (Mesa's
// lavapipe since 25.1). Each lane has four rows of the result and VECTORS vec4s of columns, and all lanes have the same columns:
// so no lane is idle however few columns there are, and a load of weights is shared by all rows. Four rows are one matrix, as in
// lib/broadcast.wgsl.
//: use lib/grid.wgsl

const LANES: u32 = 8u; //: const
// vec4s of columns of a workgroup.
const VECTORS: u32 = 4u; //: const

// Rows of a lane. They are LANES rows apart: lanes side by side read rows side by side.
const LANE_ROWS: u32 = 4u;
const ROW_NUMBERS = vec4<u32>(0u, LANES, 2u * LANES, 3u * LANES);

/// Returns the rows of a lane.
fn rows_of_lane(group: vec3<u32>, lane: u32) -> vec4<u32> {
  return (group.z * MAX_GROUPS + group.y) * LANES * LANE_ROWS + lane + ROW_NUMBERS;
}
