// Entry point of kernels whose invocations are independent, usually one for each vec4 of the result. The kernel defines
// `fn run(index: u32)`, the work of invocation `index`. Its Params have the number of invocations in `invocations`.
//: use lib/invocation.wgsl

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = invocation_index(wid, count, lane);
  if (index < params.invocations) {
    run(index);
  }
}
