// Reductions over teams: TEAM neighbouring invocations of a workgroup that share a row. Every member gets the result.
// To be called from uniform control flow, as they contain barriers. A team of one needs none: software adapters, which
// pay for barriers, work on a row alone.
//: use lib/grid.wgsl

override WORKGROUP: u32 = 64u;
override TEAM: u32 = 32u;

/// The row of an invocation, where a launch has a team for each. Teams may go beyond the last row: because barriers want
/// everybody, they are to work on that one again, and not to write.
fn team_index(wid: vec3<u32>, count: vec3<u32>, lane: u32) -> u32 {
  return (flat_workgroup(wid, count) * WORKGROUP + lane) / TEAM;
}

var<workgroup> team_values: array<f32, WORKGROUP>;

fn team_sum(lane: u32, value: f32) -> f32 {
  if (TEAM == 1u) {
    return value;
  }
  team_values[lane] = value;
  workgroupBarrier();
  let first = lane - lane % TEAM;
  var sum = 0.0;
  for (var i = 0u; i < TEAM; i++) {
    sum += team_values[first + i];
  }
  workgroupBarrier();
  return sum;
}

fn team_max(lane: u32, value: f32) -> f32 {
  if (TEAM == 1u) {
    return value;
  }
  team_values[lane] = value;
  workgroupBarrier();
  let first = lane - lane % TEAM;
  var largest = value;
  for (var i = 0u; i < TEAM; i++) {
    largest = max(largest, team_values[first + i]);
  }
  workgroupBarrier();
  return largest;
}
