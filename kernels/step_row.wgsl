// Reads the row of the current pass from a table: y = rows[row_of_pass[counter[0]]], for each sample.
//
// rows: [rows, batch, channels4], or [rows, 1, channels4] if all samples share it; row_of_pass: the index of the row of
// each pass; y: [batch, channels4]. Bits are copied, so the kernel serves all types: a vec4 is one pair of words (f16)
// or two (f32). One invocation per pair of y.
//
//: use lib/elementwise.wgsl

@group(0) @binding(0) var<storage, read> rows: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> row_of_pass: array<u32>;
@group(0) @binding(2) var<storage, read> counter: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec2<u32>>;
@group(0) @binding(4) var<uniform> params: Params;

struct Params {
  invocations: u32,
  // Number of pairs in a row of the table.
  row_pairs: u32,
}

fn run(index: u32) {
  y[index] = rows[row_of_pass[counter[0]] * params.row_pairs + index % params.row_pairs];
}
