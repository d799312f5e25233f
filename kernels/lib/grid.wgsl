// The number of workgroups may exceed MAX_GROUPS, WebGPU's limit for each dimension. So `foldedGrid` folds it into [x,
// y, 1].

const MAX_GROUPS: u32 = 65535u;

/// Undoes the fold. The last row of the grid may exceed the number of workgroups, so callers must check the index.
fn flat_workgroup(wid: vec3<u32>, count: vec3<u32>) -> u32 {
  return wid.x + count.x * (wid.y + count.y * wid.z);
}
