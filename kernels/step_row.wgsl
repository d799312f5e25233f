// What a table holds for the current pass: y = rows[row_of_pass[counter[0]]], for each sample.
//
// rows: [rows, batch, channels4], or [rows, 1, channels4] where all samples share it; row_of_pass: for each pass the index of
// its row; y: [batch, channels4]. Bits are copied, whatever the type: a vec4 of it is one pair of words, or two. One
// invocation per pair of y.
//
//: use lib/grid.wgsl

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> rows: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> row_of_pass: array<u32>;
@group(0) @binding(2) var<storage, read> counter: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec2<u32>>;
@group(0) @binding(4) var<uniform> params: Params;

struct Params {
  // Pairs of y, and of a row of the table.
  pairs: u32,
  row_pairs: u32,
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = flat_workgroup(wid, count) * WORKGROUP + lane;
  if (index >= params.pairs) {
    return;
  }
  y[index] = rows[row_of_pass[counter[0]] * params.row_pairs + index % params.row_pairs];
}
