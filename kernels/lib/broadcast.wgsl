// Products for adapters that compute on the CPU, where loads cost most. A workgroup is one subgroup of LANES lanes, and each
// lane has one vec4 of columns of the result. Each lane loads its own rows of x, and all lanes get them by broadcast: so a
// load of x is shared by LANES lanes. Four rows are one matrix, as in W · A with the columns w[k] of W and a row of x in each
// column of A: SwiftShader keeps an array of matrices in registers, but not one of vectors, and only if no loop that adds to it
// indexes it. So kernels call add_rows once for each row that a lane loads, with a number; Mesa makes the same of both.
//: enable subgroups
//: use lib/grid.wgsl

const LANES: u32 = 8u; //: const
// Rows of x that each lane loads, and the most of them.
const OWN_ROWS: u32 = 4u; //: const
const MAX_OWN_ROWS: u32 = 4u;

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

/// Sums of LANES · OWN_ROWS rows, four in each matrix.
alias Sums = array<mat4x4<f32>, MATRICES>;

/// Adds four terms to each sum of the rows of one load: `own` is four values of the lane's own row. `load` is a number.
fn add_rows(sums: ptr<function, Sums>, load: u32, weight: mat4x4<f32>, own: vec4<f32>) {
  let m = load * MATRICES_OF_LOAD;
  (*sums)[m] += weight * rows_of_lanes_0(own);
  if (LANES > 4u) {
    (*sums)[m + 1u] += weight * rows_of_lanes_4(own);
  }
  if (LANES > 8u) {
    (*sums)[m + 2u] += weight * rows_of_lanes_8(own);
    (*sums)[m + 3u] += weight * rows_of_lanes_12(own);
  }
}
