// What a table holds for the current pass: y = rows[row_of_pass[counter[0]]], for each sample.
//
// rows: [rows, batch, channels4], or [rows, 1, channels4] where all samples share it; row_of_pass: for each pass the index of
// its row; y: [batch, channels4]. Bits are copied, whatever the type: a vec4 of it is one pair of words, or two. One
// invocation per pair of y.
//
//: use lib/elementwise.wgsl

@group(0) @binding(0) var<storage, read> rows: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> row_of_pass: array<u32>;
@group(0) @binding(2) var<storage, read> counter: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec2<u32>>;
@group(0) @binding(4) var<uniform> params: Params;

struct Params {
  invocations: u32,
  // Pairs of a row of the table.
  row_pairs: u32,
}

fn run(index: u32) {
  y[index] = rows[row_of_pass[counter[0]] * params.row_pairs + index % params.row_pairs];
}
