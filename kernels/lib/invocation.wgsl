// Numbers the invocations of a dispatch, in workgroups of WORKGROUP.
//: use lib/grid.wgsl

const WORKGROUP: u32 = 64u;

/// The last workgroups may exceed the number of invocations, so callers must check the index.
fn invocation_index(wid: vec3<u32>, count: vec3<u32>, lane: u32) -> u32 {
  return flat_workgroup(wid, count) * WORKGROUP + lane;
}
