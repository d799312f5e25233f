// A count of workgroups may exceed MAX_GROUPS, WebGPU's limit per dimension, so `foldedGrid` folds it into [x, y, 1].

const MAX_GROUPS: u32 = 65535u;

/// Undoes the fold. The last row of the grid may go beyond the count: callers guard the index that they get.
fn flat_workgroup(wid: vec3<u32>, count: vec3<u32>) -> u32 {
  return wid.x + count.x * (wid.y + count.y * wid.z);
}
