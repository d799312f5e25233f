// A count of workgroups may exceed 65535, the limit per dimension, so `Gpu.grid` folds it into [x, y, 1].

/// Undoes the fold. The last row of the grid may go beyond the count: callers guard the index that they get.
fn flat_workgroup(wid: vec3<u32>, count: vec3<u32>) -> u32 {
  return wid.x + count.x * (wid.y + count.y * wid.z);
}
