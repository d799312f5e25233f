// Reductions over a workgroup of WORKGROUP invocations (a power of two): every invocation gets the result.
// To be called from uniform control flow, as they contain barriers.

override WORKGROUP: u32 = 64u;

var<workgroup> reduce_slots: array<f32, WORKGROUP>;

fn workgroup_sum(lane: u32, value: f32) -> f32 {
  reduce_slots[lane] = value;
  for (var width = WORKGROUP / 2u; width > 0u; width /= 2u) {
    workgroupBarrier();
    if (lane < width) {
      reduce_slots[lane] += reduce_slots[lane + width];
    }
  }
  workgroupBarrier();
  let result = reduce_slots[0];
  workgroupBarrier();
  return result;
}

fn workgroup_max(lane: u32, value: f32) -> f32 {
  reduce_slots[lane] = value;
  for (var width = WORKGROUP / 2u; width > 0u; width /= 2u) {
    workgroupBarrier();
    if (lane < width) {
      reduce_slots[lane] = max(reduce_slots[lane], reduce_slots[lane + width]);
    }
  }
  workgroupBarrier();
  let result = reduce_slots[0];
  workgroupBarrier();
  return result;
}
