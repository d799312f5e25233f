// Reductions over teams: TEAM neighbouring invocations of a workgroup that share a row. Every member gets the result.
// They contain barriers, so call them only from uniform control flow. Software adapters, where barriers are slow, use
// teams of one, which need no barriers.
//: use lib/grid.wgsl

override WORKGROUP: u32 = 64u;
override TEAM: u32 = 32u;

/// Returns the row of an invocation, if each row has a team. There may be more teams than rows. Because of the
/// barriers, all teams must take part: those beyond the end must compute the last row again, but not write it.
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
