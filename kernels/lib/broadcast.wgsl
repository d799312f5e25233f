// Products for adapters that compute on the CPU, where loads cost most. A workgroup is one subgroup of LANES lanes, and each
// lane has one vec4 of columns of the result. Each lane loads its own rows of x, and all lanes get them by broadcast: so a
// load of x is shared by LANES lanes. Four rows are one matrix, as in W · A with the columns w[k] of W and a row of x in each
// column of A: SwiftShader keeps matrices in registers, but not arrays of vectors.
//: enable subgroups
//: use lib/grid.wgsl

const LANES: u32 = 8u; //: const
// Rows of x that each lane loads.
const OWN_ROWS: u32 = 4u; //: const

// Matrices of four rows that a load of all lanes gives.
const MATRICES_OF_LOAD: u32 = LANES / 4u;
const MATRICES: u32 = MATRICES_OF_LOAD * OWN_ROWS;

/// Returns the first row of a workgroup.
fn first_row(group: vec3<u32>) -> u32 {
  return (group.z * MAX_GROUPS + group.y) * LANES * OWN_ROWS;
}

// The number of a lane must be a constant expression.

fn rows_of_lanes_0(own: vec4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(
    subgroupBroadcast(own, 0u), subgroupBroadcast(own, 1u), subgroupBroadcast(own, 2u), subgroupBroadcast(own, 3u));
}

fn rows_of_lanes_4(own: vec4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(
    subgroupBroadcast(own, 4u), subgroupBroadcast(own, 5u), subgroupBroadcast(own, 6u), subgroupBroadcast(own, 7u));
}

fn rows_of_lanes_8(own: vec4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(
    subgroupBroadcast(own, 8u), subgroupBroadcast(own, 9u), subgroupBroadcast(own, 10u), subgroupBroadcast(own, 11u));
}

fn rows_of_lanes_12(own: vec4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(
    subgroupBroadcast(own, 12u), subgroupBroadcast(own, 13u), subgroupBroadcast(own, 14u), subgroupBroadcast(own, 15u));
}
