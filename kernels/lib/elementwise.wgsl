// The entry point of kernels whose invocations work alone, most of them on one vec4 of the result. Such a kernel says
// in `fn run(index: u32)` what invocation `index` does, and has `invocations`, how many there are, in its Params.
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
